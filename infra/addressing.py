"""How nodes get their public addresses: new ones with every task, or fixed ones (A11)."""

import re
from collections.abc import Collection

from infra.instance_types import architecture_of, vcpu_of
from infra.setting_checks import check_choice, check_name, check_range, refuse

EPHEMERAL = "ephemeral"
"""Tasks on Fargate, each with an address that ends with it."""
FIXED = "fixed"
"""Tasks on EC2 instances, each with an Elastic IP."""
FORMS = (EPHEMERAL, FIXED)

ADDRESSES_OF_A_NODE = 2
"""A deployment runs old and new nodes side by side until the calls of the old ones have ended."""
MOST_ADDRESSES = 40
"""Each has a place in the list of every carrier and in the policy of the tasks' role."""

_ALLOCATION = re.compile(r"eipalloc-[0-9a-f]{8,32}", re.ASCII)


def check_addressing(
    addressing: str, *, most_nodes: int, count: int, given: Collection[str], instance_type: str
) -> None:
    """Refuse addresses that do not suffice for so many nodes, or that nobody would use; raises
    DeploymentProblemError.

    `count` are the Elastic IPs that the stack allocates, `given` those that there are.
    """
    check_choice("addressing", addressing, FORMS)
    check_range("elastic_ip_count", count, 0, MOST_ADDRESSES)
    for allocation in given:
        check_name("elastic_ips", allocation, _ALLOCATION, "allocation ids, eipalloc-...")
    if len(set(given)) < len(given):
        refuse("elastic_ips", "it has an allocation twice", "each once")
    if addressing == EPHEMERAL:
        _check_nothing_is_idle(count, given, instance_type)
        return
    total, wanted = count + len(given), ADDRESSES_OF_A_NODE * max(1, most_nodes)
    if not wanted <= total <= MOST_ADDRESSES:
        refuse(
            "elastic_ip_count",
            f"with elastic_ips there are {total} addresses",
            f"from {wanted} to {MOST_ADDRESSES} in all: {ADDRESSES_OF_A_NODE} for each node, for "
            "new nodes start before the calls of old ones have ended",
        )


def _check_nothing_is_idle(count: int, given: Collection[str], instance_type: str) -> None:
    for name, value in (
        ("elastic_ip_count", count),
        ("elastic_ips", given),
        ("instance_type", instance_type),
    ):
        if value:
            refuse(name, "addressing is ephemeral", "none, or addressing fixed")


def check_instance_type(instance_type: str, architecture: str, cpu: int) -> None:
    """Refuse what is no type, or one whose processors do not run the image or are too few; raises
    DeploymentProblemError."""
    if not instance_type:
        return
    found = architecture_of(instance_type)
    if found is None:
        refuse("instance_type", f"it is {instance_type!r}", "an EC2 type, such as m6i.large")
    if found != architecture:
        wanted = f"a type of architecture {architecture}, or that architecture"
        refuse("instance_type", f"{instance_type} is {found}", wanted)
    vcpu = vcpu_of(instance_type)
    if vcpu is not None and vcpu * 1_024 < cpu:
        refuse("instance_type", f"{instance_type} has {vcpu} vCPU", f"one with ovc:cpu {cpu} units")
