"""How media is encrypted: the settings section `srtp` (EDGE K1-K16)."""

from dataclasses import dataclass
from enum import Enum

from model.checks import check


class SrtpSuite(Enum):
    """A crypto suite by its registered name (RFC 4568 §6.2, RFC 6188 §5)."""

    AES_128_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_256_80 = "AES_256_CM_HMAC_SHA1_80"
    AES_192_80 = "AES_192_CM_HMAC_SHA1_80"
    AES_128_32 = "AES_CM_128_HMAC_SHA1_32"
    AES_256_32 = "AES_256_CM_HMAC_SHA1_32"
    AES_192_32 = "AES_192_CM_HMAC_SHA1_32"


class SuiteNames(Enum):
    """How our offers spell the suites with longer keys; we read every spelling (EDGE K2)."""

    IANA = "iana"
    """AES_256_CM_..., as registered."""
    SEED = "seed"
    """AES_CM_256_..., as some peers have it."""
    BOTH = "both"
    """A line for each."""


class Aes192Derivation(Enum):
    """How session keys are made of AES-192 keys (EDGE K11)."""

    AUTO = "auto"
    """By RFC 6188, until the peer's first packets show that it does as old libsrtp does."""
    RFC = "rfc"
    LIBSRTP = "libsrtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpSettings:
    """What is offered to and taken from peers with encrypted media."""

    suites: tuple[SrtpSuite, ...] = tuple(SrtpSuite)
    """In the order of our offers (EDGE K9); one that is left out is not accepted either."""
    suite_names: SuiteNames = SuiteNames.IANA
    optional: bool = False
    """Whether keys in an RTP/AVP offer over TLS are used (RFC 8643, EDGE K15)."""
    aes192_kdf: Aes192Derivation = Aes192Derivation.AUTO
    srtcp_tag32: bool = False
    """Whether SRTCP of the _32 suites may have tags of 32 bits, as FreeSWITCH sends them; in the
    standards it has 80 in all of them (EDGE K12)."""

    def __post_init__(self) -> None:
        """Refuse a list that leaves nothing to agree on, or says a thing twice."""
        check("suites", self.suites, self.suites != (), "a suite at least")
        for suite in self.suites:
            is_once = self.suites.count(suite) == 1
            check("suites", suite.value, is_once, "each suite once at most")
