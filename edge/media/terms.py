"""What the descriptions of one leg may agree on; who decides it is above, who reads keeps to it."""

from typing import NamedTuple

from edge.media.srtp_keys import Suite
from edge.symbol import Symbol


class Codec(Symbol):
    """An audio codec by its encoding name and RTP clock rate."""

    PCMU = "PCMU/8000"
    G722 = "G722/8000"
    """Samples at 16 kHz all the same (RFC 3551 §4.5.2); meeting bridges alone get it (EDGE M3)."""


class Encryption(Symbol):
    """What a leg's peer may say of encryption (EDGE R12, R13, K15, K16)."""

    NEVER = "never"
    """RTP/AVP alone; keys in clear signalling are no keys, so a=crypto is not looked at."""
    ALLOWED = "allowed"
    """RTP/AVP and RTP/SAVP."""
    BEST_EFFORT = "best effort"
    """These two, and the keys in an RTP/AVP description count (RFC 8643)."""
    REQUIRED = "required"
    """RTP/SAVP alone."""


class EncryptionFault(Symbol):
    """What can be wrong with a description's encryption; the value says it to people."""

    MISSING = "Encrypted media required"
    IN_CLEAR = "Encrypted media needs TLS"
    NO_KEYS = "No usable a=crypto line"


class Terms(NamedTuple):
    """What is taken from a peer's description."""

    encryption: Encryption = Encryption.NEVER
    suites: frozenset[Suite] = frozenset()
    """Those whose a=crypto lines count."""
    codecs: frozenset[Codec] = frozenset((Codec.PCMU,))

    @property
    def in_order(self) -> tuple[Codec, ...]:
        """Return the codecs in the order of an offer that nobody's wish precedes."""
        return tuple([codec for codec in Codec if codec in self.codecs])


PLAIN = Terms()
"""PCMU without encryption."""
