"""Keys, packets and both implementations of SRTP, for its tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from edge.media.srtp_keys import SrtpKey, Suite
from edge.media.srtp_leg import Receiver, Sender
from edge.media.srtp_native import NativeReceiver, NativeSender
from edge.media.srtp_python import PythonReceiver, PythonSender

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "srtp.json").read_text()
)
PACKETS = VECTORS["packets"]
"""One entry for each suite: a key and the packets that it protects."""
COMPAT = VECTORS["aes192_libsrtp_compat"]["packets"]
"""Of peers that derive AES-192 keys as libsrtp did (EDGE K11)."""

SALT = bytes(range(100, 114))
LIBSRTP_SUITES = [suite for suite in Suite if suite.key_bytes != 24]


class Implementation(NamedTuple):
    """One of the two that have to agree."""

    sender: Callable[[SrtpKey], Sender]
    receiver: Callable[[SrtpKey], Receiver]


NATIVE = Implementation(NativeSender, NativeReceiver)
PYTHON = Implementation(PythonSender, PythonReceiver)

IMPLEMENTED = [
    *((suite, PYTHON, f"python-{suite.value}") for suite in Suite),
    *((suite, NATIVE, f"native-{suite.value}") for suite in LIBSRTP_SUITES),
]
"""Each suite with each implementation that serves it, and a name."""


def a_key(suite: Suite = Suite.AES_CM_128_HMAC_SHA1_80, first: int = 1) -> SrtpKey:
    """Return a key of a suite; another for another first octet."""
    return SrtpKey(suite, bytes(range(first, first + suite.key_bytes)), SALT)


def key_of(vector: dict[str, Any]) -> SrtpKey:
    """Return the key of a vector."""
    return SrtpKey(
        Suite(vector["suite"]),
        bytes.fromhex(vector["master_key"]),
        bytes.fromhex(vector["master_salt"]),
    )
