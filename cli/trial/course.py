"""The steps of a trial in their order, from the API to a call and its record (`ovc smoke`)."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from cli.trial import names
from cli.trial.access import Api
from cli.trial.asking import (
    ANSWER_WITHIN_S,
    CALLER,
    PLAIN,
    admitted,
    admitted_by_tls,
    is_open,
    refusal,
    refused,
    seen_by,
)
from cli.trial.phone import Order, call, judged
from cli.trial.report import Report, Told, Unfit
from cli.trial.sip import Question
from edge.flow import Address
from model.numbers import facts_of

NAME = "ovc-smoke"
"""Begins the names of connectors that trials make: what a run has left behind is known by it."""
RECORD_WITHIN_S = 60.0
"""A record is in the bucket within a minute (EDGE C9)."""
_NEXT_CALL_S = 1.1
"""The connector may start one call a second, which every quota allows."""
_AGAIN_S = 0.3
_PAGE = 99

_FIREWALL = (
    "is {what} let through between here and the nodes? networks of companies and hotels close or "
    "rewrite SIP (an ALG): try another one"
)
_API = "docs/operations.md, api-errors"
_COMPLETED = "Normal Call Clearing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the trial is to try, as the options say."""

    sources: tuple[str, ...] = ()
    """Networks that questions may come from, besides the addresses that nodes see."""
    to_number: str | None = None
    """Who gets a real call; None: nobody."""
    from_number: str = CALLER
    duration_s: float = 5.0
    tls_port: int = 5061
    ca_file: str | None = None
    """None: the roots of this machine."""
    prefix: str | None = None
    """Of a deployment in AWS; None: it is the running stand."""

    @property
    def explanation(self) -> str:
        """Return what tells why a call failed."""
        whose = "" if self.prefix is None else f" --prefix {self.prefix}"
        return f"ovc explain --last{whose}; docs/refusals.md"

    @property
    def search(self) -> str:
        """Return what tells why no node serves."""
        if self.prefix is None:
            return "ovc doctor"
        cluster = f"--cluster {self.prefix}-edge --services edge"
        return f"aws ecs describe-services {cluster}; docs/operations.md, no-node"


class Node(NamedTuple):
    """A node that takes calls, as the API tells of it."""

    address: Address
    """Of SIP over UDP and TCP."""
    has_tls: bool | None
    """Whether it takes SIP over TLS; None: it does not say."""

    @property
    def host(self) -> str:
        """Return its address without the port."""
        return self.address[0]


class Connector(NamedTuple):
    """The connector that a trial makes for itself."""

    connector_id: str
    host: str


@dataclass(slots=True, kw_only=True)
class Course:
    """One trial."""

    api: Api
    s3: Any  # boto3's: it makes its clients at run time
    wishes: Wishes
    report: Report
    undo: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    """What was made, and what takes it away again."""
    _bucket: str | None = field(default=None, init=False)

    def run(self) -> None:
        """Take all steps; raises CannotGoOn where the rest makes no sense."""
        report = self.report
        report.need("management API", self._answers, _API)
        nodes = report.need("nodes", self._nodes, self.wishes.search)
        connector = report.need("connector", self._connector, _API)
        self._resolve(connector.host, nodes)
        seen = report.need(
            "own address",
            lambda: seen_by([it.address for it in nodes], connector.host),
            _FIREWALL.format(what="UDP and TCP port 5060"),
        )
        changed_at = report.need(
            "termination",
            lambda: self._permit(connector, seen),
            "connectors take calls from public addresses alone: try from such a network",
        )
        serving = [it for it in nodes if self._admits(it, connector.host, changed_at)]
        if serving:
            self._record("record of a refused call", connector, refusal())
            self._call(connector, serving[0].address, seen[0])
        else:
            report.skip("call", "no node takes any")

    def _answers(self) -> Told[str]:
        settings = self.api.call("get_global_settings").get("VoiceConnector") or {}
        self._bucket = settings.get("CdrBucket")
        left = [it["VoiceConnectorId"] for it in self._connectors() if _is_trials(it)]
        told = f"{self.api.url} answers"
        if left:
            told += f"; left by an earlier run, or of one that goes on: {', '.join(left)}"
        return Told(told, self.api.url)

    def _connectors(self) -> Iterable[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self.api.call("list_voice_connectors", MaxResults=_PAGE, **token)
            yield from page["VoiceConnectors"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _nodes(self) -> Told[list[Node]]:
        found = self.api.ext("/ext/nodes")["Nodes"]
        serving = [_node(it) for it in found if not it["Draining"]]
        draining = len(found) - len(serving)
        if not serving:
            raise Unfit(f"no node takes calls ({draining} drain)")
        told = ", ".join(f"{host}:{port}" for (host, port), _ in serving)
        return Told(f"{told}; {draining} drain" if draining else told, serving)

    def _connector(self) -> Told[Connector]:
        name = f"{NAME}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        made = self.api.call("create_voice_connector", Name=name, RequireEncryption=False)
        connector_id = made["VoiceConnector"]["VoiceConnectorId"]
        delete = partial(self.api.call, "delete_voice_connector", VoiceConnectorId=connector_id)
        self.undo.append((f"connector {connector_id}", delete))
        host = made["VoiceConnector"]["OutboundHostName"]
        return Told(f"{name} is {connector_id}", Connector(connector_id, host))

    def _resolve(self, host: str, nodes: Sequence[Node]) -> None:
        if host.endswith(names.LOCAL):
            self.report.skip("DNS", f"{host} means this machine, without any record")
            return
        _, _, zone = host.partition(".")
        hosts = [node.host for node in nodes]
        self.report.check(
            "DNS",
            lambda: names.leads_to(host, hosts, names.addresses_of(host)),
            f"a record *.{zone}, type A, has to lead to {', '.join(hosts)}: docs/dns.md",
        )

    def _permit(self, connector: Connector, seen: Sequence[str]) -> Told[float]:
        networks = [*dict.fromkeys((*(f"{it}/32" for it in seen), *self.wishes.sources))]
        called = facts_of(self.wishes.to_number or CALLER)
        assert called is not None, "options are checked before"
        self.api.call(
            "put_voice_connector_termination",
            VoiceConnectorId=connector.connector_id,
            Termination={
                "CallingRegions": [called.region],
                "CidrAllowedList": networks,
                "CpsLimit": 1,
            },
        )
        return Told(f"from {', '.join(networks)} to {called.region}", time.monotonic())

    def _admits(self, node: Node, host: str, changed_at: float) -> bool:
        """Ask a node over every transport; tell whether it judges calls as it should."""
        question, at = Question(method="OPTIONS", domain=host), node.address
        for transport, ask in PLAIN:
            asked = partial(ask, question, at, ANSWER_WITHIN_S)
            remedy = _FIREWALL.format(what=f"{transport} port {at[1]}")
            step = f"node {node.host} {transport}"
            self.report.check(step, partial(admitted, asked, changed_at), remedy)
        try_tls(self.report, node, question, self.wishes)
        refusing = self.report.check(
            f"node {node.host} refusal",
            partial(refused, host, at, changed_at),
            self.wishes.explanation,
        )
        return refusing is not None

    def _call(self, connector: Connector, node: Address, shown_as: str) -> None:
        report, wishes = self.report, self.wishes
        number = wishes.to_number
        if number is None:
            report.skip("call", "--number +1... places one, through your carrier and at its price")
            return
        order = Order(
            from_number=wishes.from_number,
            to_number=number,
            edge=node,
            domain=connector.host,
            shown_as=shown_as,
            duration_s=wishes.duration_s,
        )
        time.sleep(_NEXT_CALL_S)
        if report.check(f"call to {number}", lambda: judged(call(order)), self.wishes.explanation):
            self._record("record of the call", connector, _COMPLETED)

    def _record(self, step: str, connector: Connector, message: str) -> None:
        bucket = self._bucket
        if not bucket:
            self.report.skip(step, "no bucket is named, so none is kept (update_global_settings)")
            return
        self.report.check(
            step,
            lambda: self._stored(connector, message, bucket),
            f"ovc cdr check-bucket {bucket}; docs/operations.md, records-backlog",
        )

    def _stored(self, connector: Connector, message: str, bucket: str) -> Told[str]:
        """Wait until the call's object is in the bucket; raises Unfit."""
        began, target = time.monotonic(), f"/ext/cdrs?connector-id={connector.connector_id}"
        while time.monotonic() < began + RECORD_WITHIN_S:
            for record in self.api.ext(target)["CallDetailRecords"]:
                key = record.get("ObjectKey")
                if record["StatusMessage"] == message and key and self._is_there(bucket, key):
                    took_s = time.monotonic() - began
                    return Told(f"s3://{bucket}/{key}, after {took_s:.1f} s", key)
            time.sleep(_AGAIN_S)
        raise Unfit(f"none with {message!r} was in {bucket} within {RECORD_WITHIN_S:.0f} s")

    def _is_there(self, bucket: str, key: str) -> bool:
        try:
            self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True


def try_tls(report: Report, node: Node, question: Question, wishes: Wishes) -> None:
    """Ask a node over TLS; a closed port is a failure where the node says that it is open."""
    at, step = (node.host, wishes.tls_port), f"node {node.host} TLS"
    if node.has_tls is False or (node.has_tls is None and not is_open(at)):
        report.skip(step, f"port {at[1]} is closed, for there is no certificate")
        return
    report.check(
        step,
        lambda: admitted_by_tls(question, at, wishes.ca_file),
        "--ca FILE trusts an authority of your own; ovc doctor judges the certificate; "
        + _FIREWALL.format(what=f"TCP port {at[1]}"),
    )


def _is_trials(connector: dict[str, Any]) -> bool:
    return str(connector["Name"]).startswith(NAME)


def _node(told: dict[str, Any]) -> Node:
    host, _, port = str(told["SipAddress"]).rpartition(":")
    has_tls: bool | None = told.get("Tls", {}).get("Open")
    return Node((host, int(port)), has_tls)
