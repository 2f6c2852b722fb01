"""Tables over the records and a place to ask, as they would be made."""

from typing import Any

import pytest

from infra.record_columns import columns_of
from infra.record_queries import queries_of
from model.record_form import RecordFormat
from model.record_settings import RecordSettings
from tests.infra.synthesis import Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

BUCKET = "ovc-cdr-${AWS::AccountId}-${AWS::Region}"
PLACE = f"s3://{BUCKET}/Amazon-Chime-Voice-Connector-CDRs/json/"


@pytest.fixture(scope="module")
def analytics(assembly: Assembly) -> Template:
    return assembly.template("ovc-analytics")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-analytics")


def table(template: Template, name: str) -> Any:
    """Return what Glue is told of a table."""
    (found,) = [
        it["Properties"]["TableInput"]
        for it in template.of("AWS::Glue::Table").values()
        if it["Properties"]["TableInput"]["Name"] == name
    ]
    return found


def columns(found: Any) -> list[tuple[str, str]]:
    return [(it["Name"], it["Type"]) for it in found["StorageDescriptor"]["Columns"]]


def test_one_connector_and_some_days_are_found_by_name(analytics: Template) -> None:  # EDGE C1
    calls = table(analytics, "calls")
    assert calls["PartitionKeys"] == [
        {"Name": "connector", "Type": "string"},
        {"Name": "day", "Type": "string"},
    ]
    assert text_of(calls["StorageDescriptor"]["Location"]) == PLACE
    parameters = {name: text_of(value) for name, value in calls["Parameters"].items()}
    assert parameters == {
        "EXTERNAL": "TRUE",
        "classification": "json",
        "projection.enabled": "true",
        "projection.connector.type": "injected",
        "projection.day.type": "date",
        "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": "2026/01/01,NOW",
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
        "storage.location.template": f"{PLACE}${{connector}}/${{day}}/",
    }


def test_all_connectors_are_one_table_without_partitions(analytics: Template) -> None:
    whole = table(analytics, "all_calls")
    assert whole["PartitionKeys"] == []
    assert whole["Parameters"] == {"EXTERNAL": "TRUE", "classification": "json"}
    assert text_of(whole["StorageDescriptor"]["Location"]) == PLACE


def test_the_columns_are_those_of_the_records(analytics: Template, other: Template) -> None:
    # EDGE C2, C3
    seed, v2 = RecordSettings(), RecordSettings(format=RecordFormat.V2, quality=True)
    for name in ("calls", "all_calls"):
        assert columns(table(analytics, name)) == [(it.name, it.kind) for it in columns_of(seed)]
        assert columns(table(other, name)) == [(it.name, it.kind) for it in columns_of(v2)]
        serde = table(analytics, name)["StorageDescriptor"]["SerdeInfo"]
        assert serde["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
        assert serde["Parameters"] == {"ignore.malformed.json": "TRUE"}


def test_a_prefix_of_the_operators_own_is_looked_below(other: Template) -> None:  # EDGE C1
    place = text_of(table(other, "calls")["StorageDescriptor"]["Location"])
    assert place == "s3://lab2-cdr-${AWS::AccountId}-${AWS::Region}/telephony/cdrs/"


def test_a_query_cannot_cost_much_nor_its_result_lie_about(analytics: Template) -> None:
    workgroup = analytics.properties("AWS::Athena::WorkGroup")
    configuration = workgroup["WorkGroupConfiguration"]
    assert workgroup["Name"] == "ovc-calls"
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    result = configuration["ResultConfiguration"]
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    (bucket,) = analytics.of("AWS::S3::Bucket")
    assert text_of(result["OutputLocation"]) == f"s3://${{{bucket}}}/"
    properties = analytics.properties("AWS::S3::Bucket")
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 7)
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_example_queries_are_at_hand(analytics: Template, other: Template) -> None:
    for template, settings, database in (
        (analytics, RecordSettings(), "ovc"),
        (other, RecordSettings(format=RecordFormat.V2), "lab2"),
    ):
        saved = {
            it["Properties"]["Name"]: it["Properties"]
            for it in template.of("AWS::Athena::NamedQuery").values()
        }
        assert set(saved) == {query.name for query in queries_of(settings)}
        for query in queries_of(settings):
            assert saved[query.name]["QueryString"] == query.sql
            assert saved[query.name]["Database"] == database


def test_the_stack_stands_alone(assembly: Assembly) -> None:
    for stack in ("ovc-data", "ovc-api", "ovc-edge"):
        assert "ovc-analytics" not in assembly.dependencies(stack)
