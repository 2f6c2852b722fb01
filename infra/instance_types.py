"""Which EC2 instance a node gets, and whether its processors are those of the image."""

import re
from typing import NamedTuple

_PATTERN = re.compile(r"(?P<series>[a-z]+)[0-9]+(?P<attributes>[a-z-]*)\.[a-z0-9-]+", re.ASCII)
_SIZES = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32}
"""vCPUs."""
_GIB_OF_VCPU = {"c": 2, "m": 4, "r": 8}
_GENERATION = {"x86_64": "6i", "arm64": "6g"}
"""Not the newest: an older one is in more regions and zones."""
_MARGIN = 1.25
"""A host keeps memory for its kernel, Docker and the agent of ECS, and the task must fit beside."""


class Host(NamedTuple):
    """The size of an instance."""

    vcpu: int
    memory_mib: int
    name: str


def host_for(cpu: int, memory_mib: int, architecture: str) -> str:
    """Return the smallest instance that a task of this size fits on: with as many vCPU, and a
    quarter more memory.

    Burstable types are none of them: a node that has used up its credits drops packets.
    """
    wanted_mib = memory_mib * _MARGIN
    return next(
        it.name
        for it in _hosts(architecture)
        if it.vcpu * 1_024 >= cpu and it.memory_mib >= wanted_mib
    )


def _hosts(architecture: str) -> list[Host]:
    """Return all that are considered, the smallest first."""
    generation = _GENERATION[architecture]
    return sorted(
        Host(vcpu, vcpu * gib * 1_024, f"{series}{generation}.{size}")
        for series, gib in _GIB_OF_VCPU.items()
        for size, vcpu in _SIZES.items()
    )


def vcpu_of(instance_type: str) -> int | None:
    """Return the vCPUs of a type, by its size; None for a size that is not known here."""
    return _SIZES.get(instance_type.rpartition(".")[2])


def architecture_of(instance_type: str) -> str | None:
    """Return the processors of a type, by the letters behind its generation: g is Graviton, such as
    in c7gn. None for what is no instance type."""
    found = _PATTERN.fullmatch(instance_type)
    if found is None:
        return None
    return "arm64" if "g" in found["attributes"] or found["series"] == "a" else "x86_64"
