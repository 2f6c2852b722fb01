"""What may be chosen about the addresses of nodes (A11)."""

import pytest

from infra.setting_checks import DeploymentProblemError
from infra.settings import DeploymentSettings

ONE = "eipalloc-0123456789abcdef0"
TWO = "eipalloc-01234567"


def read(**members: object) -> DeploymentSettings:
    return DeploymentSettings.from_context({f"ovc:{name}": it for name, it in members.items()})


def fixed(**members: object) -> DeploymentSettings:
    return read(addressing="fixed", **members)


def test_addresses_are_the_stacks_or_the_operators_or_both() -> None:
    assert fixed(elastic_ip_count=2).elastic_ips == ()
    assert fixed(elastic_ips=[ONE, TWO]).elastic_ip_count == 0
    assert fixed(elastic_ips=f"{ONE}, {TWO}").elastic_ips == (ONE, TWO)
    both = fixed(elastic_ips=[ONE, TWO], elastic_ip_count="4", nodes=3)
    assert (both.elastic_ip_count, len(both.elastic_ips)) == (4, 2)


def test_there_may_be_more_addresses_than_nodes_need_now() -> None:
    # The edge can be stopped, and nodes added, without a change for carriers.
    for nodes in (0, 1, 5):
        assert fixed(elastic_ip_count=10, nodes=nodes).nodes == nodes


def test_the_instance_may_be_chosen() -> None:
    assert fixed(elastic_ip_count=2, instance_type="c7i.large").instance_type == "c7i.large"
    arm = fixed(elastic_ip_count=2, instance_type="c8g.large", architecture="arm64")
    assert arm.instance_type == "c8g.large"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"addressing": "static"}, "ovc:addressing: it is 'static'; wanted is one of ephemeral"),
        ({"elastic_ip_count": 2}, "elastic_ip_count: addressing is ephemeral; wanted is none, or"),
        ({"elastic_ips": [ONE]}, "ovc:elastic_ips: addressing is ephemeral"),
        ({"instance_type": "m6i.large"}, "ovc:instance_type: addressing is ephemeral"),
        ({"addressing": "fixed"}, "there are 0 addresses; wanted is from 2 to 40 in all: 2 for"),
        (
            {"addressing": "fixed", "nodes": 3, "elastic_ip_count": 3, "elastic_ips": [ONE, TWO]},
            "with elastic_ips there are 5 addresses; wanted is from 6 to 40",
        ),
        (
            {"addressing": "fixed", "elastic_ip_count": 39, "elastic_ips": [ONE, TWO]},
            "there are 41 addresses",
        ),
        ({"addressing": "fixed", "elastic_ip_count": 41}, "elastic_ip_count: it is 41; wanted is"),
        # Scaling may ask for so many.
        (
            {"addressing": "fixed", "max_nodes": 4, "elastic_ip_count": 6},
            "there are 6 addresses; wanted is from 8 to 40",
        ),
        ({"addressing": "fixed", "nodes": 0}, "there are 0 addresses; wanted is from 2"),
        (
            {"addressing": "fixed", "elastic_ips": ["192.0.2.1", TWO]},
            "ovc:elastic_ips: it is '192.0.2.1'; wanted is allocation ids",
        ),
        ({"addressing": "fixed", "elastic_ips": [ONE, ONE]}, "it has an allocation twice"),
        (
            {"addressing": "fixed", "elastic_ip_count": 2, "instance_type": "large"},
            "ovc:instance_type: it is 'large'; wanted is an EC2 type, such as m6i.large",
        ),
        (
            {"addressing": "fixed", "elastic_ip_count": 2, "instance_type": "c7i.large"}
            | {"cpu": 4_096, "memory_mib": 8_192},
            "ovc:instance_type: c7i.large has 2 vCPU; wanted is one with ovc:cpu 4096 units",
        ),
        (
            {"addressing": "fixed", "elastic_ip_count": 2, "instance_type": "c7g.large"},
            "ovc:instance_type: c7g.large is arm64; wanted is a type of architecture x86_64",
        ),
    ],
)
def test_what_cannot_work_is_refused(members: dict[str, object], message: str) -> None:
    with pytest.raises(DeploymentProblemError, match=message):
        read(**members)
