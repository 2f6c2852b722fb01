"""Tests of whole use cases, for an API that offers only a part of the operations yet."""

import pytest

from lambdas.management.operations import CHANGES, READS


def wants(*operations: str) -> pytest.MarkDecorator:
    """Return a mark for a test that must fail as long as one of these is not offered."""
    missing = sorted(set(operations) - READS.keys() - CHANGES.keys())
    reason = f"not offered: {', '.join(missing)}"
    return pytest.mark.xfail(bool(missing), reason=reason, strict=True)
