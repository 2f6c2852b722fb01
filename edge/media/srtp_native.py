"""SRTP and SRTCP by libsrtp, for the suites that it derives as the RFC says (EDGE K1, K11).

pylibsrtp's own classes know AES-128 alone and copy each packet three times, so its binding is used
directly, through one buffer: a media worker has one thread. libsrtp keeps ROC and replay list of
each SSRC, and ends a key after 2**48 packets (2**31 of RTCP). The 2**31 of AES-256 (RFC 6188 §6) it
does not count; at the rate that a leg may have (EDGE Q6) they take two hundred days.
"""

import sys
from collections.abc import Sequence
from typing import Any, NewType, Protocol

from pylibsrtp import Error
from pylibsrtp._binding import ffi, lib

from edge.media.rtp import LONGEST_BYTES
from edge.media.srtp_keys import SRTCP_TAG_BYTES, SrtpKey
from edge.media.srtp_replay import window_within_limits
from edge.media.srtp_ssrcs import SsrcLedger

AES_ICM_128 = 1
AES_ICM_256 = 5
HMAC_SHA1 = 3
CONFIDENTIAL_AND_AUTHENTIC = 3
"""Numbers of libsrtp 2 (srtp.h, crypto_types.h)."""
AUTHENTICATION_KEY_BYTES = 20
_KNOWN_POLICY = (AES_ICM_128, 30, HMAC_SHA1, AUTHENTICATION_KEY_BYTES, 10, 3)
"""What AES_CM_128_HMAC_SHA1_80 looks like to libsrtp: cipher, key and salt, authentication, its
key, its tag, services."""


class Octets(Protocol):
    """What is used of cffi's buffer objects."""

    def __getitem__(self, where: slice) -> bytes: ...

    def __setitem__(self, where: slice, octets: bytes) -> None: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...


_TRAILER_BYTES = 4 + 16 + 128
"""The most that libsrtp ever appends: index, tag and MKI."""
BUFFER = ffi.new("char[]", LONGEST_BYTES + _TRAILER_BYTES)
"""The packet that is worked on, as libsrtp sees it."""
OCTETS: Octets = ffi.buffer(BUFFER)
"""The same, as Python sees it."""
SIZE = ffi.new("int *")
"""Its octets, before and after."""
NativeSession = NewType("NativeSession", object)
"""What libsrtp calls a session, for PROTECT or UNPROTECT."""
SSRC_BYTES = 4
PROTECT, UNPROTECT = lib.srtp_protect, lib.srtp_unprotect
"""Looked up once: they are called for every packet."""


def _check(status: int) -> None:
    if status != lib.srtp_err_status_ok:
        raise Error(f"libsrtp refuses with status {status}")


def _words(policy: Any) -> Any:
    """Return the fields of a crypto policy, which the binding keeps to itself."""
    return ffi.cast("unsigned int *", ffi.addressof(policy))


def _fill(policy: Any, values: Sequence[int]) -> None:
    """Write a crypto policy, provided that it looks as we know it."""
    fields = _words(policy)
    _check(
        lib.srtp_crypto_policy_set_from_profile_for_rtp(
            ffi.addressof(policy), lib.srtp_profile_aes128_cm_sha1_80
        )
    )
    if tuple(fields[0 : len(_KNOWN_POLICY)]) != _KNOWN_POLICY:
        raise Error("libsrtp's policy has another layout than that of version 2")
    for position, value in enumerate(values):
        fields[position] = value


def _session(key: SrtpKey, ssrc_type: int, rtcp_tag_bytes: int) -> NativeSession:
    """Return a new libsrtp session that binds to any SSRC."""
    policy = ffi.new("srtp_policy_t *")
    cipher = AES_ICM_128 if key.suite.key_bytes == 16 else AES_ICM_256
    whole = key.key + key.salt
    for part, tag_bytes in ((policy.rtp, key.suite.tag_bytes), (policy.rtcp, rtcp_tag_bytes)):
        services = (HMAC_SHA1, AUTHENTICATION_KEY_BYTES, tag_bytes, CONFIDENTIAL_AND_AUTHENTIC)
        _fill(part, (cipher, len(whole), *services))
    secret = ffi.new("unsigned char[]", whole)
    policy.key = secret
    policy.ssrc.type = ssrc_type
    policy.window_size = window_within_limits(key.window)
    handle = ffi.new("srtp_t *")
    try:
        _check(lib.srtp_create(handle, policy))
    finally:
        ffi.memmove(secret, bytes(len(whole)), len(whole))
    return NativeSession(ffi.gc(handle[0], lib.srtp_dealloc))


class NativeContext:
    """One libsrtp session with the SSRCs that it has been used with."""

    __slots__ = ("_last", "_session", "_ssrcs")

    def __init__(self, session: NativeSession) -> None:
        self._session = session
        self._ssrcs = SsrcLedger()
        self._last = b""
        """The SSRC of the last packet, as on the wire: nearly always that of the next one."""

    def session_of(self, ssrc: int) -> NativeSession | None:
        """Return libsrtp's session for a caller that uses it for packets of this SSRC alone.

        None while the SSRC has no context; the one that it has stays, whatever others come.
        """
        if ssrc not in self._ssrcs:
            return None
        self._ssrcs.kept = ssrc
        return self._session

    def _may_use(self, ssrc: bytes) -> bool:
        """Tell whether an SSRC may have a context, and note its use."""
        number = int.from_bytes(ssrc, "big")
        if len(ssrc) < SSRC_BYTES or not self._ssrcs.admits(number):
            return False
        given_up = self._ssrcs.use(number)
        if given_up is not None:
            self._forget(given_up.to_bytes(SSRC_BYTES, "big"))
        self._last = ssrc
        return True

    def _forget(self, ssrc: bytes) -> None:
        lib.srtp_remove_stream(self._session, int.from_bytes(ssrc, sys.byteorder))


class NativeSender(NativeContext):
    """Encrypts with one key what we send."""

    __slots__ = ()

    def __init__(self, key: SrtpKey, rtcp_tag_bytes: int = SRTCP_TAG_BYTES) -> None:
        super().__init__(_session(key, lib.ssrc_any_outbound, rtcp_tag_bytes))

    def protect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet encrypted; None when its index was used or the key is used up."""
        size, ssrc = len(packet), packet[8:12]
        if size > LONGEST_BYTES or (ssrc != self._last and not self._may_use(ssrc)):
            return None
        OCTETS[:size] = packet
        SIZE[0] = size
        if PROTECT(self._session, BUFFER, SIZE):
            return None
        return OCTETS[: SIZE[0]]

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet encrypted; None when the key is used up."""
        size, ssrc = len(packet), packet[4:8]
        if size > LONGEST_BYTES or (ssrc != self._last and not self._may_use(ssrc)):
            return None
        OCTETS[:size] = packet
        SIZE[0] = size
        if lib.srtp_protect_rtcp(self._session, BUFFER, SIZE):
            return None
        return OCTETS[: SIZE[0]]


class NativeReceiver(NativeContext):
    """Verifies and decrypts with one key what a peer sends."""

    __slots__ = ()

    def __init__(self, key: SrtpKey, rtcp_tag_bytes: int = SRTCP_TAG_BYTES) -> None:
        super().__init__(_session(key, lib.ssrc_any_inbound, rtcp_tag_bytes))

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet in clear; None when it is not authentic, repeated or too old."""
        size = len(packet)
        if size > LONGEST_BYTES:
            return None
        OCTETS[:size] = packet
        SIZE[0] = size
        if UNPROTECT(self._session, BUFFER, SIZE):
            return None
        if not self.is_bound(packet[8:12]):
            return None
        return OCTETS[: SIZE[0]]

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet in clear; None when it is not authentic or repeated."""
        size = len(packet)
        if size > LONGEST_BYTES:
            return None
        OCTETS[:size] = packet
        SIZE[0] = size
        if lib.srtp_unprotect_rtcp(self._session, BUFFER, SIZE):
            return None
        if not self.is_bound(packet[4:8]):
            return None
        return OCTETS[: SIZE[0]]

    def is_bound(self, ssrc: bytes) -> bool:
        """Tell whether the SSRC of a verified packet keeps the context that libsrtp gave it."""
        may_keep = ssrc == self._last or self._may_use(ssrc)
        if not may_keep:
            self._forget(ssrc)
        return may_keep
