"""Session keys out of a master key and salt (RFC 3711 §4.3, RFC 6188 §3; EDGE K10, K11).

The key derivation rate is 0 always: session keys are derived once.
"""

from enum import Enum

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from edge.media.srtp_keys import SALT_BYTES, SrtpKey

SRTP_LABEL = 0
SRTCP_LABEL = 3
"""First of three labels: encryption key, authentication key, salt (RFC 3711 §4.3.1, §4.3.2)."""
AUTHENTICATION_KEY_BYTES = 20
_LABEL_AT = 7
"""Where the label meets the salt: six octets of packet index follow it, all zero here."""
_LARGEST_KEY_BYTES = 32


class Derivation(Enum):
    """How an AES-192 master key becomes session keys; other suites know the RFC's way alone."""

    RFC = "rfc"
    """With the AES-192 PRF (RFC 6188 §3)."""
    LIBSRTP = "libsrtp"
    """As libsrtp did until August 2025: with the AES-256 PRF over key, salt and zeros."""


class SessionKeys:
    """What one protocol's packets are encrypted and authenticated with; has no telling repr."""

    __slots__ = ("authentication", "cipher", "salt")

    def __init__(self, cipher: bytes, authentication: bytes, salt: bytes) -> None:
        self.cipher = cipher
        self.authentication = authentication
        self.salt = salt


def derived(key: SrtpKey, first_label: int, derivation: Derivation = Derivation.RFC) -> SessionKeys:
    """Return the session keys of SRTP or SRTCP, whichever the label begins."""
    master_key, master_salt = key.key, key.salt
    if derivation is Derivation.LIBSRTP:
        whole = (master_key + master_salt).ljust(_LARGEST_KEY_BYTES + SALT_BYTES, b"\0")
        master_key, master_salt = whole[:_LARGEST_KEY_BYTES], whole[_LARGEST_KEY_BYTES:]
    return SessionKeys(
        pseudo_random(master_key, master_salt, first_label, len(key.key)),
        pseudo_random(master_key, master_salt, first_label + 1, AUTHENTICATION_KEY_BYTES),
        pseudo_random(master_key, master_salt, first_label + 2, SALT_BYTES),
    )


def pseudo_random(master_key: bytes, master_salt: bytes, label: int, size: int) -> bytes:
    """Return `size` octets of AES-CM keystream for a label (RFC 3711 §4.3.3)."""
    seed = bytearray(master_salt + b"\0\0")
    seed[_LABEL_AT] ^= label
    return Cipher(AES(master_key), CTR(bytes(seed))).encryptor().update(bytes(size))
