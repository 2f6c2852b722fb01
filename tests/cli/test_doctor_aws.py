"""`ovc doctor` of a deployment in AWS: what it sees in the tables, and what it advises."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli.doctor_aws import carrier_findings, findings, node_findings, tls_verdict
from cli.findings import Finding
from cli.main import app
from model.codec import encode_item
from model.node import CarrierState, NodeState, TlsState
from model.node_items import node_members
from model.tables import CONNECTORS, NODES, TABLES

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OPEN = TlsState(is_open=True, ends_at=NOW + timedelta(days=60), covers_hosts=True)
CARRIER = CarrierState(
    name="first", host="192.0.2.1", port=5060, priority=1, weight=1, out_until=None
)


def node(**members: Any) -> NodeState:
    given: dict[str, Any] = {
        "node_id": "a",
        "sip_address": "198.51.100.10:5060",
        "started_at": NOW,
        "renewed_at": NOW,
        "active_calls": 3,
        "draining": False,
        "carriers": (CARRIER,),
        "tls": OPEN,
    }
    return NodeState(**given | members)


def problems(found: Iterator[Finding]) -> dict[str, str]:
    return {it.subject: it.problem for it in found if it.problem is not None}


def test_nodes_that_are_well_are_told() -> None:
    found = list(node_findings([node(), node(node_id="b", draining=True)], NOW, "ovc"))
    assert [it.problem for it in found] == [None] * len(found)
    assert found[0].detail == "1 serve, 1 drain; 6 calls"
    assert found[1].detail == "open, certificate for 60 days"
    assert str(found[-1]) == "ok       carrier first: out on none of 2 nodes"


def test_no_node_and_none_that_serves_are_problems() -> None:
    assert "none has shown itself" in problems(node_findings([], NOW, "ovc"))["nodes"]
    drained = problems(node_findings([node(draining=True)], NOW, "ovc"))
    assert "all 1 drain" in drained["nodes"]


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (TlsState(is_open=False), "closed, for there is no certificate"),
        (replace(OPEN, ends_at=NOW), "its certificate ended on 2026-11-26"),
        (replace(OPEN, ends_at=NOW + timedelta(days=13, hours=23)), "ends in 13 days"),
        (replace(OPEN, covers_hosts=False), "is not for the hosts of connectors"),
    ],
)
def test_tls_that_clients_cannot_use_is_a_problem_with_a_remedy(tls: TlsState, said: str) -> None:
    # EDGE W8, X7
    problem, _ = tls_verdict(tls, NOW, "lab")
    assert problem is not None and said in problem
    assert "ovc certs put FULLCHAIN KEY --domain DOMAIN --prefix lab" in problem


def test_tls_for_a_fortnight_and_of_a_node_that_does_not_tell_is_no_problem() -> None:
    assert tls_verdict(replace(OPEN, ends_at=NOW + timedelta(days=14)), NOW, "ovc")[0] is None
    assert tls_verdict(None, NOW, "ovc") == (None, "the node has not told yet")


def test_a_carrier_that_is_out_or_does_not_know_us_is_a_problem() -> None:
    # EDGE F9, F13
    out = replace(CARRIER, out_until=NOW + timedelta(seconds=1))
    back = replace(CARRIER, out_until=NOW)
    refused = replace(CARRIER, name="second", registration="refused")
    known = replace(CARRIER, name="third", registration="registered")
    nodes = [node(carriers=(out, refused, known)), node(carriers=(back, refused, known))]
    found = problems(carrier_findings(nodes, NOW))
    assert set(found) == {"carrier first", "carrier second"}
    assert "out on 1 of 2 nodes" in found["carrier first"]
    assert "2 of 2 nodes are not registered" in found["carrier second"]
    assert "there is none" in problems(carrier_findings([node(carriers=())], NOW))["carriers"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account with nothing in it; returns its clients by name."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws():
        yield lambda name: boto3.client(name, region_name="us-east-1")


def looked() -> dict[str, str | None]:
    return {it.subject: it.problem for it in findings("lab", "us-east-1")}


def test_a_region_without_the_deployment_is_told_by_its_tables(account: Any) -> None:
    found = looked()
    assert list(found) == ["credentials", "tables"]
    tables = str(found["tables"])
    assert "lab-connectors" in tables and "us-east-1" in tables and "deploy lab-data" in tables


def test_a_first_deployment_is_told_what_it_lacks_and_a_whole_one_that_all_is_well(
    account: Any,
) -> None:
    dynamodb, secrets = account("dynamodb"), account("secretsmanager")
    for table in TABLES:
        dynamodb.create_table(**table.creation("lab"))
    secrets.create_secret(Name="lab/access-keys", SecretString="{}")
    now = datetime.now(UTC)

    def put(tls: TlsState) -> None:
        row = node(renewed_at=now + timedelta(hours=1), tls=tls)
        item = encode_item(node_members(row))
        dynamodb.put_item(TableName=NODES.physical_name("lab"), Item=item)

    put(TlsState(is_open=False))
    found = looked()
    assert found["credentials"] is None and found["tables"] is None and found["nodes"] is None
    assert "ovc keys create --prefix lab" in str(found["access keys"])
    assert "update-global-settings" in str(found["CDR bucket"])
    assert "-c ovc:tls_secret=lab/tls" in str(found["TLS of 198.51.100.10:5060"])
    secrets.put_secret_value(
        SecretId="lab/access-keys", SecretString='{"OVCA": {"secret": "s", "active": true}}'
    )
    members = {"pk": "settings", "sk": "global", "cdr_bucket": "records"}
    dynamodb.put_item(TableName=CONNECTORS.physical_name("lab"), Item=encode_item(members))
    put(replace(OPEN, ends_at=now + timedelta(days=60)))
    assert set(looked().values()) == {None}
    done = CliRunner().invoke(app, ["doctor", "--prefix", "lab", "--region", "us-east-1"])
    assert done.exit_code == 0 and "PROBLEM" not in done.output


def test_a_problem_ends_with_one(account: Any) -> None:
    done = CliRunner().invoke(app, ["doctor", "--prefix", "lab", "--region", "us-east-1"])
    assert done.exit_code == 1 and "PROBLEM  tables" in done.output
