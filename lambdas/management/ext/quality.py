"""The member Quality of a call or record: what its media is or was like."""

from collections.abc import Mapping

from model.codec import Item
from model.quality import optional_quality


def described_quality(item: Item) -> Mapping[str, object] | None:
    """Return the figures of a call's item by the names of AWS's metrics (EXT12)."""
    quality = optional_quality(item)
    if quality is None:
        return None
    return {"MeasuredTimestamp": quality.measured_at, **quality.members()}
