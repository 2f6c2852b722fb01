"""Which instance a node with a fixed address gets."""

import pytest

from infra.instance_types import architecture_of, host_for
from infra.profiles import PROFILES
from infra.setting_checks import MEMORY_OF_CPU


@pytest.mark.parametrize(
    ("cpu", "memory_mib", "x86_64", "arm64"),
    [
        (256, 512, "c6i.large", "c6g.large"),
        (1_024, 2_048, "c6i.large", "c6g.large"),
        # As much memory as the instance has leaves none for its kernel.
        (1_024, 4_096, "m6i.large", "m6g.large"),
        (2_048, 4_096, "m6i.large", "m6g.large"),
        (1_024, 8_192, "r6i.large", "r6g.large"),
        (4_096, 8_192, "m6i.xlarge", "m6g.xlarge"),
        (16_384, 32_768, "m6i.4xlarge", "m6g.4xlarge"),
        (16_384, 122_880, "r6i.8xlarge", "r6g.8xlarge"),
    ],
)
def test_it_is_the_smallest_that_the_task_fits_on(
    cpu: int, memory_mib: int, x86_64: str, arm64: str
) -> None:
    assert host_for(cpu, memory_mib, "x86_64") == x86_64
    assert host_for(cpu, memory_mib, "arm64") == arm64


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_every_size_that_can_be_chosen_has_one(architecture: str) -> None:
    for cpu, sizes in MEMORY_OF_CPU.items():
        for memory_mib in sizes:
            assert architecture_of(host_for(cpu, memory_mib, architecture)) == architecture


def test_no_node_of_a_profile_has_more_vcpu_than_it_uses_twice() -> None:
    for profile in PROFILES.values():
        assert host_for(profile.cpu, profile.memory_mib, "x86_64").endswith(".large")


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("m6i.large", "x86_64"),
        ("c7gn.16xlarge", "arm64"),
        ("t4g.small", "arm64"),
        ("im4gn.large", "arm64"),
        ("a1.medium", "arm64"),
        ("g4dn.xlarge", "x86_64"),
        ("g5g.xlarge", "arm64"),
        ("c7a.large", "x86_64"),
        ("m5.metal-24xl", "x86_64"),
        ("m6i", None),
        ("large.m6i", None),
        ("M6i.large", None),
    ],
)
def test_a_type_says_what_its_processors_are(name: str, architecture: str | None) -> None:
    assert architecture_of(name) == architecture
