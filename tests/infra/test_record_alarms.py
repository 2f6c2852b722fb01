"""Alarms about detail records look at what the edge writes (EDGE C10, X7)."""

from typing import Any

import pytest

from edge.meter import Meter
from model.connector_logs import LogSettings
from model.metrics import BUCKET_DENIED, NAMESPACE, deployment_dimensions
from tests.infra.synthesis import Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def edge(assembly: Assembly) -> Template:
    return assembly.template("ovc-edge")


def alarm(template: Template, name: str) -> Any:
    (found,) = [
        it["Properties"]
        for it in template.of("AWS::CloudWatch::Alarm").values()
        if it["Properties"]["AlarmName"] == name
    ]
    return found


def test_a_backlog_that_stays_is_an_alarm(edge: Template) -> None:  # EDGE X7
    found = alarm(edge, "ovc-records-backlog")
    assert (found["Namespace"], found["MetricName"]) == (NAMESPACE, "CdrBacklog")
    dimensions = {it["Name"]: text_of(it["Value"]) for it in found["Dimensions"]}
    assert dimensions == deployment_dimensions("ovc", "${AWS::Region}")
    # Of the worst node, for five minutes.
    assert (found["Statistic"], found["Period"], found["EvaluationPeriods"]) == ("Maximum", 60, 5)
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", 100)
    assert "CdrBacklog" not in Meter(LogSettings()).minute({})[0].figures  # the runtime adds it


def test_a_bucket_that_denies_is_an_alarm(edge: Template) -> None:  # EDGE C10
    watched = edge.properties("AWS::Logs::MetricFilter")
    (group,) = edge.of("AWS::Logs::LogGroup")
    assert text_of(watched["LogGroupName"]) == f"${{{group}}}"
    assert watched["FilterPattern"] == f'{{ $.event = "{BUCKET_DENIED}" }}'
    (made,) = watched["MetricTransformations"]
    found = alarm(edge, "ovc-records-denied")
    assert (found["Namespace"], found["MetricName"]) == (
        made["MetricNamespace"],
        made["MetricName"],
    )
    assert (found["Statistic"], found["Threshold"]) == ("Sum", 0)


def test_two_deployments_have_alarms_of_their_own(other_assembly: Assembly) -> None:
    template = other_assembly.template("lab2-edge")
    assert alarm(template, "lab2-records-backlog")["Dimensions"][0]["Value"] == "lab2"
    assert alarm(template, "lab2-records-denied")["Namespace"] == f"{NAMESPACE}/lab2"
