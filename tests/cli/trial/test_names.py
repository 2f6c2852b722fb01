"""Where a connector's host name leads, judged by the nodes that take calls."""

import pytest

from cli.trial.names import addresses_of, leads_to
from cli.trial.report import Unfit

HOST = "abc.voiceconnector.example.com"
NODES = [f"198.51.100.{n}" for n in range(1, 4)]
MANY = [f"198.51.100.{n}" for n in range(1, 21)]


def test_all_nodes_are_told() -> None:
    assert leads_to(HOST, NODES, NODES).detail == f"{HOST} leads to {', '.join(NODES)}"


def test_eight_of_many_are_enough() -> None:
    assert leads_to(HOST, MANY, MANY[5:13]).found == MANY[5:13]


def test_a_node_without_a_record_is_named_with_what_to_do() -> None:
    with pytest.raises(Unfit, match=r"does not lead to 198\.51\.100\.2") as raised:
        leads_to(HOST, NODES, [NODES[0], NODES[2]])
    assert raised.value.remedy is not None
    assert "*.voiceconnector.example.com, type A" in raised.value.remedy


def test_seven_of_many_are_too_few() -> None:
    with pytest.raises(Unfit, match="does not lead to"):
        leads_to(HOST, MANY, MANY[:7])


def test_a_record_that_leads_elsewhere_is_named() -> None:
    with pytest.raises(Unfit, match=r"leads to 203\.0\.113\.5, which is no node"):
        leads_to(HOST, NODES, [*NODES, "203.0.113.5"])


def test_the_resolver_of_this_machine_is_asked() -> None:
    assert addresses_of("127.0.0.1") == ["127.0.0.1"]
