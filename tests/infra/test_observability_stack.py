"""Dashboard and alarms: what they look at exists, whom they tell, what they cost (EDGE X7, C10)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from billing.infrastructure import Assumptions
from edge.meter import Meter
from edge.runtime.media_worker import PORTS_PER_LEASE
from infra.setting_checks import LOG_RETENTION_DAYS
from model.connector_logs import LogSettings
from model.metrics import NAMESPACE, deployment_dimensions
from model.quality import CallQuality, SideQuality, StreamQuality
from model.settings import AdmissionSettings
from model.tables import TABLES, edge_log_group_name
from tests.infra.synthesis import ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

OF_THE_RUNTIME = {
    *("CdrBacklog", "CertificateDays", "TlsOpen", "PortsFree", "ActiveCalls", "ServingCalls"),
}
OF_THE_REAPER = {"CallsEdgeLost", "RecordsRecovered", "CallRowsNotClosed"}
OF_DNS = {"NodesListed", "NodesWithoutRecord"}
BY_DIMENSION = {"PacketsDropped", "RouteFailures"}


@pytest.fixture(scope="module")
def template(assembly: Assembly) -> Template:
    return assembly.template("ovc-observability")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-observability")


def alarms(template: Template) -> dict[str, Any]:
    """Return the properties of all alarms by their names, which begin with the prefix."""
    found = template.of("AWS::CloudWatch::Alarm").values()
    return {it["Properties"]["AlarmName"]: it["Properties"] for it in found}


def looked_at(alarm: Any) -> list[Any]:
    """Return the metrics that an alarm looks at."""
    if "Metrics" not in alarm:
        return [alarm]
    return [it["MetricStat"]["Metric"] for it in alarm["Metrics"] if "MetricStat" in it]


def dashboard(template: Template) -> Any:
    """Return the dashboard's body, with the names of what CloudFormation fills in."""
    return json.loads(text_of(template.properties("AWS::CloudWatch::Dashboard")["DashboardBody"]))


def searches(template: Template) -> list[str]:
    """Return the expressions of graphs that look for metrics."""
    graphs = [it["properties"] for it in dashboard(template)["widgets"] if it["type"] == "metric"]
    drawn = [metric[0] for graph in graphs for metric in graph["metrics"]]
    expressions = [it["expression"] for it in drawn if isinstance(it, dict)]
    return [it for it in expressions if it.startswith("SEARCH(")]


def own_names() -> set[str]:
    """Return the names of the metrics that a deployment writes, connectors' included."""
    whole = set(Meter(LogSettings()).minute({})[0].figures)
    stream = StreamQuality(1, 1, 1, 1, 1, 1)
    side = SideQuality(stream, stream, 1, 4.0)
    of_calls = set(CallQuality(None, side, side).members())  # type: ignore[arg-type]  # no time
    return whole | OF_THE_RUNTIME | OF_THE_REAPER | OF_DNS | BY_DIMENSION | of_calls


def test_silence_is_bad_only_where_nothing_else_would_tell(template: Template) -> None:
    silent = {
        it["AlarmName"]
        for it in alarms(template).values()
        if it["TreatMissingData"] != "notBreaching"
    }
    runs = {f"ovc-{it}-stopped" for it in ("reaper", "orders", "dns")}
    assert silent == {"ovc-no-node", *runs}
    for name in silent:
        found = alarms(template)[name]
        assert found["TreatMissingData"] == "breaching"
        assert found["ComparisonOperator"] == "LessThanThreshold"


def test_a_backlog_that_stays_is_an_alarm(template: Template) -> None:  # EDGE X7
    found = alarms(template)["ovc-records-backlog"]
    assert (found["Namespace"], found["MetricName"]) == (NAMESPACE, "CdrBacklog")
    dimensions = {it["Name"]: text_of(it["Value"]) for it in found["Dimensions"]}
    assert dimensions == deployment_dimensions("ovc", "${AWS::Region}")
    # Of the worst node, for five minutes.
    assert (found["Statistic"], found["Period"], found["EvaluationPeriods"]) == ("Maximum", 60, 5)
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", 100)


def test_nodes_are_counted_by_what_they_tell(template: Template, other: Template) -> None:
    found = alarms(template)["ovc-no-node"]
    assert (found["MetricName"], found["Statistic"]) == ("ActiveCalls", "SampleCount")
    assert (found["Period"], found["Threshold"]) == (60, 1)
    # One of one is nobody; one of four is fewer.
    assert "ovc-nodes-missing" not in alarms(template)
    missing = alarms(other)["lab2-nodes-missing"]
    assert missing["Period"] == 300 and 3 * 5 < missing["Threshold"] < 4 * 5


def test_a_fleet_that_cannot_grow_is_an_alarm(template: Template, other: Template) -> None:
    # Two thirds of the 1,100 calls of a node; of a scaled one a tenth more than scaling aims at.
    for made, prefix, most in ((template, "ovc", 737), (other, "lab2", 990)):
        found = alarms(made)[f"{prefix}-capacity-exhausted"]
        assert (found["MetricName"], found["Statistic"]) == ("ServingCalls", "Average")
        assert (found["Period"], found["EvaluationPeriods"]) == (60, 15)
        assert found["Threshold"] == most


def test_the_dashboard_draws_what_capacity_is_compared_with(
    template: Template, other: Template
) -> None:
    def marks(of: Template) -> dict[str, dict[str, int]]:
        graphs = [it["properties"] for it in dashboard(of)["widgets"] if it["type"] == "metric"]
        return {
            it["title"]: {mark["label"]: mark["value"] for mark in it["annotations"]["horizontal"]}
            for it in graphs
            if "annotations" in it
        }

    assert marks(template) == {
        "How many nodes live?": {"least": 1},
        "How many calls has a node?": {"most": 1_100},
    }
    assert marks(other) == {
        "How many nodes live?": {"least": 4, "most": 12},
        "How many calls has a node?": {"most": 3_600, "scaling aims at": 900},
    }


def test_limits_are_those_of_the_edge(template: Template) -> None:  # EDGE R30, Q1
    assert alarms(template)["ovc-loop-lag"]["Threshold"] == AdmissionSettings().overload_lag_ms
    # A worker keeps several leases ahead: with less than one its range is used up.
    assert alarms(template)["ovc-ports-low"]["Threshold"] == PORTS_PER_LEASE


def test_an_alarm_about_lines_counts_those_of_the_edges_log(template: Template) -> None:  # EDGE C10
    source = "".join(path.read_text() for path in (ROOT / "edge").rglob("*.py"))
    source += (ROOT / "model" / "metrics.py").read_text()
    filters = [it["Properties"] for it in template.of("AWS::Logs::MetricFilter").values()]
    assert filters
    for properties in filters:
        assert properties["LogGroupName"] == edge_log_group_name("ovc")
        events = re.findall(r'\$\.event = "([a-z-]+)"', properties["FilterPattern"])
        for event in events:
            assert f'"{event}"' in source, f"no line of the edge has the event {event}"
        (made,) = properties["MetricTransformations"]
        # A value where there was no line would be paid for, each hour.
        assert made["MetricNamespace"] == f"{NAMESPACE}/ovc" and "DefaultValue" not in made
        (found,) = [
            it for it in alarms(template).values() if it.get("MetricName") == made["MetricName"]
        ]
        assert (found["Namespace"], found["Statistic"]) == (made["MetricNamespace"], "Sum")
        assert found["Threshold"] == 0


def test_metrics_of_ours_have_names_that_are_written(template: Template) -> None:  # EDGE X1, X7
    watched = [it for alarm in alarms(template).values() for it in looked_at(alarm)]
    names = {it["MetricName"] for it in watched if it["Namespace"] == NAMESPACE}
    text = json.dumps(dashboard(template))
    names |= set(re.findall(rf'"{NAMESPACE}", "(\w+)"', text))
    names |= set(re.findall(r'MetricName=\\+"(\w+)', text))
    assert len(names) > 30
    assert names <= own_names(), names - own_names()


def test_functions_are_looked_at_by_the_names_that_they_leave(
    template: Template, assembly: Assembly
) -> None:
    left = {
        it["Properties"]["Name"]: text_of(it["Properties"]["Value"])
        for made in assembly.templates()
        for it in made.of("AWS::SSM::Parameter").values()
    }
    read = {
        name: it["Default"]
        for name, it in template.document["Parameters"].items()
        if it["Type"] == "AWS::SSM::Parameter::Value<String>" and name != "BootstrapVersion"
    }
    assert read and set(read.values()) <= set(left)
    for parameter in read.values():
        assert "Function" in left[parameter]
    for alarm in alarms(template).values():
        for metric in looked_at(alarm):
            if metric["Namespace"] == "AWS/Lambda":
                (dimension,) = metric["Dimensions"]
                assert dimension["Value"]["Ref"] in read


@pytest.mark.parametrize("prefix", ["ovc", "lab2"])
def test_every_function_is_looked_at(
    prefix: str, assembly: Assembly, other_assembly: Assembly
) -> None:
    assembly = assembly if prefix == "ovc" else other_assembly
    template = assembly.template(f"{prefix}-observability")
    made = [it for each in assembly.templates() for it in each.of("AWS::Lambda::Function")]
    read = [
        name
        for name, it in template.document["Parameters"].items()
        if it["Default"].endswith("-function")
    ]
    assert len(read) == len(made)
    failing = {
        metric["Dimensions"][0]["Value"]["Ref"]
        for alarm in alarms(template).values()
        for metric in looked_at(alarm)
        if metric["Namespace"] == "AWS/Lambda" and metric["MetricName"] == "Errors"
    }
    assert failing == set(read)


def test_the_api_is_looked_at_where_its_clients_ask(
    template: Template, front_assembly: Assembly
) -> None:
    # ARCHITECTURE A2: the function answers 500 without failing
    url = looked_at(alarms(template)["ovc-api-errors"])
    assert {it["MetricName"] for it in url} == {"Errors", "Url5xxCount"}
    watching = front_assembly.template("ovc-observability")
    fronted = {it["MetricName"]: it for it in looked_at(alarms(watching)["ovc-api-errors"])}
    assert set(fronted) == {"Errors", "HTTPCode_Target_5XX_Count"}
    (dimension,) = fronted["HTTPCode_Target_5XX_Count"]["Dimensions"]
    assert dimension["Name"] == "LoadBalancer"
    parameter = watching.document["Parameters"][dimension["Value"]["Ref"]]
    assert parameter["Default"] == "/ovc/api-balancer"
    text = json.dumps(dashboard(watching))
    assert "HTTPCode_Target_4XX_Count" in text and "Url4xxCount" not in text


def test_every_table_is_looked_at(template: Template) -> None:
    for name in ("ovc-throttled-reads", "ovc-throttled-writes"):
        tables = {it["Dimensions"][0]["Value"] for it in looked_at(alarms(template)[name])}
        assert tables == {it.physical_name("ovc") for it in TABLES}


def test_alarms_lead_to_their_runbooks(template: Template, other: Template) -> None:
    for name, found in alarms(template).items():
        link = f"docs/operations.md#{name.removeprefix('ovc-')}"
        assert found["AlarmDescription"].endswith(f". What to do: {link}")
    for name, found in alarms(other).items():
        link = f"https://wiki.example.org/voice#{name.removeprefix('lab2-')}"
        assert found["AlarmDescription"].endswith(link)
        assert len(found["AlarmDescription"]) <= 1_024


def test_nobody_is_told_who_has_not_asked(template: Template) -> None:
    assert not template.of("AWS::SNS::Topic")
    assert not any("AlarmActions" in it for it in alarms(template).values())


def test_a_mail_tells_of_every_alarm_and_of_its_end(other: Template) -> None:
    (topic,) = other.of("AWS::SNS::Topic")
    subscribed = other.properties("AWS::SNS::Subscription")
    assert (subscribed["Protocol"], subscribed["Endpoint"]) == ("email", "on-call@example.org")
    for found in alarms(other).values():
        assert found["AlarmActions"] == found["OKActions"] == [{"Ref": topic}]
    policy = other.properties("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [it for it in policy if it["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (alarm,) = allowed["Condition"]["ArnLike"].values()
    assert text_of(alarm).endswith(":${AWS::AccountId}:alarm:lab2-*")


def test_a_topic_of_ones_own_is_used_as_it_is(assemblies: Path) -> None:
    document = json.loads((assemblies / "off" / "ovc-observability.template.json").read_text())
    template = Template(document)
    assert not template.of("AWS::SNS::Topic")
    told = {it for alarm in alarms(template).values() for it in alarm["AlarmActions"]}
    assert told == {"arn:aws:sns:us-east-1:111122223333:on-call"}


def test_an_edge_that_is_off_is_not_missed(assemblies: Path) -> None:
    document = json.loads((assemblies / "off" / "ovc-observability.template.json").read_text())
    assert not {"ovc-no-node", "ovc-capacity-exhausted"} & set(alarms(Template(document)))


def test_the_dashboard_draws_its_questions(template: Template, other: Template) -> None:
    body = dashboard(template)
    assert template.properties("AWS::CloudWatch::Dashboard")["DashboardName"] == "ovc"
    (status,) = [it for it in body["widgets"] if it["type"] == "alarm"]
    assert len(status["properties"]["alarms"]) == len(alarms(template))
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
    # Two deployments of a region do not draw each other's.
    for found in searches(other):
        assert "VoiceConnectorId" in found or 'Deployment="lab2"' in found
    assert '"ovc' not in json.dumps(dashboard(other))


def test_connectors_are_drawn_only_as_far_as_they_have_metrics(template: Template) -> None:  # X1
    # A search makes no metric, and names none that a connector would have to have.
    assert len([it for it in searches(template) if "VoiceConnectorId" in it]) == 6
    text = json.dumps([dashboard(template), alarms(template)])
    assert text.count("VoiceConnectorId") == 6


def test_what_alarms_and_dashboard_cost_is_what_the_model_reckons(
    other: Template, other_assembly: Assembly
) -> None:
    assumed = Assumptions()
    looked_at_with_dns = sum(len(looked_at(it)) for it in alarms(other).values())
    assert looked_at_with_dns == assumed.alarms + assumed.alarms_for_dns
    assert assumed.alarms_for_dns == len(alarms(other).keys() & {"lab2-dns-full"})
    edge = other_assembly.template("lab2-edge")
    policies = edge.of("AWS::ApplicationAutoScaling::ScalingPolicy")
    assert 2 * len(policies) == assumed.alarms_for_scaling
    assert len(other.of("AWS::CloudWatch::Dashboard")) == assumed.dashboards
    whole = set(Meter(LogSettings()).minute({})[0].figures) | OF_THE_RUNTIME
    assert len(whole) == assumed.metrics
    # Of edge_dns one is written each minute; of others a value is rare.
    assert assumed.metrics_for_dns == len({"NodesListed"})


def test_functions_that_run_each_minute_are_those_that_the_model_reckons(
    other_assembly: Assembly,
) -> None:
    rules = [
        it for each in other_assembly.templates() for it in each.of("AWS::Events::Rule").values()
    ]
    every_minute = [
        it for it in rules if it["Properties"].get("ScheduleExpression") == "rate(1 minute)"
    ]
    assumed = Assumptions()
    assert len(every_minute) == assumed.functions


def test_it_is_deployed_after_what_it_watches(assembly: Assembly) -> None:
    assert {"ovc-api", "ovc-edge"} <= set(assembly.dependencies("ovc-observability"))


def test_two_deployments_have_alarms_of_their_own(other: Template) -> None:
    assert all(name.startswith("lab2-") for name in alarms(other))
    assert alarms(other)["lab2-records-backlog"]["Dimensions"][0]["Value"] == "lab2"
    assert alarms(other)["lab2-records-denied"]["Namespace"] == f"{NAMESPACE}/lab2"


def test_lines_of_every_log_are_kept_as_long_as_the_operator_says(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    for made, days in ((assembly, 90), (other_assembly, 30)):
        groups = [it for each in made.templates() for it in each.of("AWS::Logs::LogGroup").values()]
        assert {it["Properties"]["RetentionInDays"] for it in groups} == {days}


def test_every_age_that_can_be_chosen_is_one_of_cloudwatchs() -> None:
    source = (ROOT / "infra" / "log_retention.py").read_text()
    known = {int(it.replace("_", "")) for it in re.findall(r"^    ([\d_]+): Ret", source, re.M)}
    assert known == set(LOG_RETENTION_DAYS)
