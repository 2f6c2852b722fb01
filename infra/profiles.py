"""Sizes of a deployment under one name.

A vCPU holds some 1,000 calls at half its power: 100 packets a second of 4.56 us each and 2.27 ms
for setting a call up (docs/performance.md), some 700 with SRTP. A node takes 2,000 calls and no
more (admission.concurrent_calls), so that a third vCPU would stand idle.
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
    # 2,000 calls when one node is away: one in each zone.
    "medium": Profile(nodes=3, cpu=1_024, memory_mib=2_048, media_workers=1, zones=3),
    # 16,000 calls when a node is away, 12,000 without a zone.
    "large": Profile(nodes=9, cpu=2_048, memory_mib=4_096, media_workers=2, zones=3),
}
