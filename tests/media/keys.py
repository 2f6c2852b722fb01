"""SRTP keys for tests, and what a peer does with them."""

from edge.media.srtp_keys import SALT_BYTES, LegSrtp, SrtpKey, Suite
from edge.media.srtp_leg import SrtpLeg, SrtpRules

AES_128 = Suite.AES_CM_128_HMAC_SHA1_80


def key(seed: int, suite: Suite = AES_128) -> SrtpKey:
    """Return a key that depends on a seed from 0 to 255."""
    return SrtpKey(suite, bytes((seed,)) * suite.key_bytes, bytes((255 - seed,)) * SALT_BYTES)


def pair(seed: int, suite: Suite = AES_128) -> LegSrtp:
    """Return the two keys of a leg, as the edge sees them."""
    return LegSrtp(ours=key(seed, suite), theirs=key(seed + 1, suite))


def peer(keys: LegSrtp, rules: SrtpRules = SrtpRules()) -> SrtpLeg:  # noqa: B008 - immutable
    """Return the other end of a leg with these keys."""
    return SrtpLeg(LegSrtp(ours=keys.theirs, theirs=keys.ours), rules)
