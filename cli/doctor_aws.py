"""What `ovc doctor` looks at in a deployment in AWS; it reads, and changes nothing."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import client, repository
from cli.errors import CommandError
from cli.findings import Finding, checked
from cli.key_store import key_store
from edge.routing.registration import RegistrationState
from lambdas.management.errors import ApiError
from lambdas.management.repository import Repository
from model.node import CarrierState, NodeState, TlsState
from model.tables import DEFAULT_PREFIX, TABLES, edge_log_group_name, tls_secret_name

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SHORT = timedelta(days=14)
"""Before the end of a certificate; the alarm `certificate` rings then as well."""
CREDENTIALS = "sign in, or set AWS_PROFILE"
READ_RIGHTS = "may you read this deployment? is it in this region?"
_UNREGISTERED = (RegistrationState.REFUSED.value, RegistrationState.IDLE.value)


def findings(prefix: str | None, region: str | None) -> Iterator[Finding]:
    """Look at everything, the most basic first; stop where nothing else can be seen."""
    name = prefix or DEFAULT_PREFIX
    yield (identity := _identity(region))
    if identity.problem is not None:
        return
    yield (tables := _tables(name, region))
    if tables.problem is not None:
        return
    found = repository(prefix=name, region=region, api_port=None)
    yield _access_keys(name, region)
    yield _bucket(found)
    now = datetime.now(UTC)
    try:
        nodes = found.nodes.live(now)
    except (KeyError, ValueError) as error:
        problem = f"a row of a node is damaged ({error!r}): the log of edge_dns names it"
        yield Finding("nodes", problem)
        return
    except (ApiError, BotoCoreError, ClientError) as error:
        yield Finding("nodes", f"{error.__cause__ or error}; {READ_RIGHTS}")
        return
    yield from node_findings(nodes, now, name)


def node_findings(nodes: list[NodeState], now: datetime, prefix: str) -> Iterator[Finding]:
    """Judge what live nodes say of themselves."""
    if not nodes:
        yield Finding(
            "nodes",
            "none has shown itself for 30 seconds: is ovc:nodes 0? do tasks of the service start? "
            f"aws logs tail {edge_log_group_name(prefix)} --since 1h tells",
        )
        return
    serving = [node for node in nodes if not node.draining]
    if serving:
        calls = sum(node.active_calls for node in nodes)
        drain = f", {len(nodes) - len(serving)} drain" if len(serving) < len(nodes) else ""
        yield Finding("nodes", None, f"{len(serving)} serve{drain}; {calls} calls")
    else:
        yield Finding("nodes", f"all {len(nodes)} drain: who takes new calls? see ECS's events")
    for node in nodes:
        yield Finding(f"TLS of {node.sip_address}", *tls_verdict(node.tls, now, prefix))
    yield from carrier_findings(nodes, now)


def tls_verdict(tls: TlsState | None, now: datetime, prefix: str) -> tuple[str | None, str]:
    """Return the problem of a node's TLS, or None, and what is well."""
    put = "ovc certs put FULLCHAIN KEY --domain DOMAIN --prefix " + prefix
    if tls is None:
        return None, "the node has not told yet"
    if not tls.is_open or tls.ends_at is None:
        secret = tls_secret_name(prefix)
        return (
            f"closed, for there is no certificate that could be shown; UDP and TCP serve. {put}, "
            f"and deploy {prefix}-edge with -c ovc:tls_secret={secret} (docs/certificates.md)"
        ), ""
    left = tls.ends_at - now
    day = tls.ends_at.date().isoformat()
    if left <= timedelta():
        return f"its certificate ended on {day}, clients refuse it: {put}", ""
    if left < SHORT:
        return f"its certificate ends in {left.days} days, on {day}: {put}", ""
    if not tls.covers_hosts:
        return (
            "its certificate is not for the hosts of connectors: wanted is the name *.DOMAIN, with "
            f"the domain of the settings; get another one and {put}"
        ), ""
    return None, f"open, certificate for {left.days} days"


def carrier_findings(nodes: Iterable[NodeState], now: datetime) -> Iterator[Finding]:
    """Judge the carriers as nodes see them, in the order of the settings."""
    seen: dict[str, list[CarrierState]] = {}
    for node in nodes:
        for state in node.carriers:
            seen.setdefault(state.name, []).append(state)
    if not seen:
        yield Finding(
            "carriers",
            "there is none, so that no call leaves for the public network and none comes from "
            "there: name them in ovc:settings (docs/carriers.md)",
        )
    for name, states in seen.items():
        out = sum(it.out_until is not None and it.out_until > now for it in states)
        unknown = sum(it.registration in _UNREGISTERED for it in states)
        of = f"of {len(states)} {'node' if len(states) == 1 else 'nodes'}"
        if out:
            problem = f"out on {out} {of}: it is silent or answers errors (docs/operations.md)"
        elif unknown:
            problem = f"{unknown} {of} are not registered: are user and password right?"
        else:
            problem = None
        yield Finding(f"carrier {name}", problem, f"out on none {of}")


def _identity(region: str | None) -> Finding:
    def look() -> str:
        who = boto3.client("sts", region_name=region).get_caller_identity()
        return f"{who['Arn']}"

    return checked("credentials", look, CREDENTIALS)


def _tables(prefix: str, region: str | None) -> Finding:
    def look() -> str:
        dynamodb: DynamoDBClient = client("dynamodb", prefix=prefix, region=region, api_port=None)
        missing = []
        for table in TABLES:
            name = table.physical_name(prefix)
            try:
                dynamodb.describe_table(TableName=name)
            except dynamodb.exceptions.ResourceNotFoundException:
                missing.append(name)
        if missing:
            raise ValueError(f"{', '.join(missing)} are not there in {dynamodb.meta.region_name}")
        return f"all {len(TABLES)} are there"

    return checked(
        "tables", look, f"is the prefix right, and the region? else deploy {prefix}-data"
    )


def _access_keys(prefix: str, region: str | None) -> Finding:
    def look() -> str:
        try:
            keys = key_store(api_port=None, prefix=prefix, region=region).read()
        except CommandError as error:
            raise ValueError(str(error)) from error
        active = sum(it.is_valid_at(datetime.now(UTC)) for it in keys.values())
        if not active:
            raise ValueError("no access key is active, so that nobody can use the API")
        return f"{active} active"

    return checked("access keys", look, f"ovc keys create --prefix {prefix}")


def _bucket(found: Repository) -> Finding:
    def look() -> str:
        bucket = found.configuration.cdr_bucket()
        if bucket is None:
            raise ValueError("none is set, so that no detail record is kept")
        return bucket

    remedy = (
        "aws chime-sdk-voice update-global-settings --voice-connector CdrBucket=BUCKET "
        "(docs/records.md)"
    )
    return checked("CDR bucket", look, remedy)
