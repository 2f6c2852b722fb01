"""EC2 instances that the edge's tasks run on where their addresses are fixed, and their prices.

Sizes of one series are multiples of its `large`, in power and in price.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_KIND = re.compile(r"(?P<series>[a-z]+[0-9]+[a-z-]*)\.((?P<times>[0-9]*)x)?large", re.ASCII)
SERIES = re.compile(r"[a-z]+[0-9]+[a-z-]*", re.ASCII)


class NoPriceError(LookupError):
    """A price list has no price for a kind of instance; says which entry is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """What the tasks run on, each on one of its own."""

    kind: str
    """Such as c6i.large."""
    addresses: int
    """Elastic IPs, which are paid for whether a node has them or not."""
    disk_gb: int = 30


def instance_hour(kind: str, large_hour: Mapping[str, Decimal]) -> Decimal:
    """Return what an instance costs in an hour, by the prices of each series' `large`; raises
    NoPriceError."""
    found = _KIND.fullmatch(kind)
    if found is None or found["series"] not in large_hour:
        series = kind.partition(".")[0]
        raise NoPriceError(
            f"there is no price for {kind}: ec2.large_hour.{series} is wanted, the price of "
            f"{series}.large, and a size of large, xlarge, 2xlarge and so on"
        )
    # large, xlarge, 2xlarge: 1, 2, 4.
    times = 1 if found["times"] is None else 2 * int(found["times"] or 1)
    return large_hour[found["series"]] * times
