"""Scaling: what the number of nodes follows, and that nothing else sets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.scale.parameters import NodeSize
from infra.capacity import HELD_BY_CPU
from model.metrics import NAMESPACE, deployment_dimensions
from tests.infra.synthesis import Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


@pytest.fixture(scope="module")
def edge(assembly: Assembly) -> Template:
    return assembly.template("ovc-edge")


@pytest.fixture(scope="module")
def scaled(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-edge")


@pytest.fixture(scope="module")
def stopped(assemblies: Path) -> Template:
    """Return the edge of a deployment that could be scaled and is stopped."""
    return Template(json.loads((assemblies / "off" / "ovc-edge.template.json").read_text()))


def tracked(template: Template) -> dict[str, Any]:
    """Return what is tracked, by the name of its metric."""
    found = {}
    for policy in template.of(POLICY).values():
        assert policy["Properties"]["PolicyType"] == "TargetTrackingScaling"
        followed = policy["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        own = followed.get("CustomizedMetricSpecification")
        ready = followed.get("PredefinedMetricSpecification")
        name = own["MetricName"] if own else ready["PredefinedMetricType"]
        found[name] = followed
    return found


def test_without_a_most_number_the_template_has_the_number(edge: Template) -> None:
    assert edge.properties("AWS::ECS::Service")["DesiredCount"] == 1
    assert not edge.of(TARGET) and not edge.of(POLICY)


def test_an_update_leaves_a_scaled_fleet_as_large_as_it_is(scaled: Template) -> None:
    assert "DesiredCount" not in scaled.properties("AWS::ECS::Service")
    target = scaled.properties(TARGET)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (4, 12)
    assert target["ScalableDimension"] == "ecs:service:DesiredCount"
    (service,) = scaled.of("AWS::ECS::Service")
    assert target["ResourceId"]["Fn::Join"][1][-1] == {"Fn::GetAtt": [service, "Name"]}


def test_nodes_on_hosts_of_their_own_are_scaled_likewise(assemblies: Path) -> None:
    template = Template(json.loads((assemblies / "listed" / "lab3-edge.template.json").read_text()))
    assert "DesiredCount" not in template.properties("AWS::ECS::Service")
    target = template.properties(TARGET)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 4)
    assert set(tracked(template)) == {"ServingCalls", "ECSServiceAverageCPUUtilization"}


def test_a_stopped_edge_stays_so(stopped: Template) -> None:
    assert stopped.properties("AWS::ECS::Service")["DesiredCount"] == 0
    assert not stopped.of(TARGET)


def test_nodes_follow_the_calls_of_those_that_do_not_drain(scaled: Template) -> None:  # EDGE X7
    followed = tracked(scaled)["ServingCalls"]
    metric = followed["CustomizedMetricSpecification"]
    assert (metric["Namespace"], metric["Statistic"]) == (NAMESPACE, "Average")
    dimensions = {it["Name"]: text_of(it["Value"]) for it in metric["Dimensions"]}
    assert dimensions == deployment_dimensions("lab2", "${AWS::Region}")
    assert followed["TargetValue"] == 900


def test_cpu_is_the_second_opinion(scaled: Template) -> None:
    followed = tracked(scaled)["ECSServiceAverageCPUUtilization"]
    # Above the half that calls take at their own target; with the busiest node of the simulated
    # fleets, 1.4 times the average, below the 85 % of EDGE R30.
    assert 50 < followed["TargetValue"] < 85 / 1.4


def test_nodes_come_sooner_than_they_go(scaled: Template) -> None:
    for followed in tracked(scaled).values():
        assert (followed["ScaleOutCooldown"], followed["ScaleInCooldown"]) == (120, 300)
        # Either policy may hold on to nodes that the other would let go.
        assert not followed.get("DisableScaleIn")


def test_nobody_gets_rights_for_it(scaled: Template) -> None:
    role = text_of(scaled.properties(TARGET)["RoleARN"])
    assert role.endswith("/AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert not [it for it in scaled.of("AWS::IAM::Role") if "Scaling" in it]


def test_what_a_task_holds_is_what_was_measured() -> None:
    for sized_for, srtp in (("rtp", False), ("srtp", True)):
        measured = NodeSize.measured(1, mean_call_s=180.0, srtp=srtp)
        assert HELD_BY_CPU[sized_for] == (measured.target, measured.limit)
