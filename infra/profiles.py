"""Sizes of a deployment under one name.

A vCPU takes 1,100 calls: with SRTP on one side of each that is 80 % of its power, without it 51 %
(infra/capacity.py, docs/scale.md). An operator without encrypted connectors lets it take 1,800.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the keys of the same names are as long as they are not given themselves."""

    nodes: int
    cpu: int
    memory_mib: int
    media_workers: int
    zones: int


SMALL = Profile(nodes=1, cpu=1_024, memory_mib=2_048, media_workers=1, zones=2)
"""To try it, or where some minutes without calls are bearable: nobody stands in for the node."""

PROFILES: Mapping[str, Profile] = {
    "small": SMALL,
    # 2,200 calls when one node is away: one in each zone.
    "medium": Profile(nodes=3, cpu=1_024, memory_mib=2_048, media_workers=1, zones=3),
    # 18,400 calls when a node is away, 13,800 without a zone.
    "large": Profile(nodes=9, cpu=2_048, memory_mib=4_096, media_workers=2, zones=3),
}
