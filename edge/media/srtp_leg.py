"""The SRTP of one leg: what encrypts toward its peer, and what may decrypt what comes from it.

Sending is simple: one context at a time. Receiving knows two states. *Undecided*: candidates are
tried one after the other, because the peer may still use the key before the one that it announced
last (EDGE K14), because nobody knows how it derives AES-192 keys (K11), and because peers disagree
on whether the rollover counter goes on under a new key (K13). *Settled*: one context judges every
packet, the first announced one that has verified an RTP packet. A context never begins anew with a
key that the leg had lately: a repeated keystream, or old packets that pass for new ones, would be
the price.
"""

from enum import StrEnum
from math import inf
from typing import NamedTuple, Protocol, TypeVar

from edge.media.srtp_derivation import Derivation
from edge.media.srtp_keys import SRTCP_TAG_BYTES, LegSrtp, SrtpKey, Suite
from edge.media.srtp_native import NativeReceiver, NativeSender, NativeSession
from edge.media.srtp_python import PythonReceiver, PythonSender

AES_192_BYTES = 24
MOST_KEYS = 4
"""Remembered per direction; a rejected re-INVITE returns to the keys before it."""
MOST_EARLIER = 4
"""Candidates of earlier keys: two keys, when nothing has come under either."""
ALL_ROCS = range(24)
LATER_ROCS = range(1, 24)
"""What a rollover counter may be in the longest call (EDGE V5) at a packet every 10 ms."""


class Aes192Kdf(StrEnum):
    """The operator's word on how peers derive AES-192 keys (EDGE K11)."""

    AUTO = "auto"
    """Both are tried on what is received; we send as the RFC says until one has verified."""
    RFC = "rfc"
    LIBSRTP = "libsrtp"


class SrtpRules(NamedTuple):
    """What holds for every leg."""

    aes192: Aes192Kdf = Aes192Kdf.AUTO
    srtcp_tag32: bool = False
    """SRTCP of the _32 suites has tags of 32 bits too, both ways (EDGE K12)."""
    rekey_s: float = 5.0
    """Seconds that a peer may go on with its old key (EDGE K14)."""


class Sender(Protocol):
    """A key that we encrypt with."""

    def protect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet encrypted; None when its index was used or the key is used up."""

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet encrypted; None when the key is used up."""


class Receiver(Protocol):
    """A key that a peer encrypts with."""

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet in clear; None when it is not authentic, repeated or too old."""

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet in clear; None when it is not authentic or repeated."""


Key = TypeVar("Key")
Context = TypeVar("Context")


class MkiReceiver:
    """A receiver whose peer puts a master key identifier before the tag (RFC 3711 §3.1; EDGE K7).

    Its line has one key, so there is nothing to choose; the tag does not cover the identifier.
    """

    __slots__ = ("_mki_bytes", "_receiver", "_rtcp_tag_bytes", "_tag_bytes")

    def __init__(
        self, receiver: Receiver, mki_bytes: int, tag_bytes: int, rtcp_tag_bytes: int
    ) -> None:
        self._receiver = receiver
        self._mki_bytes = mki_bytes
        self._tag_bytes = tag_bytes
        self._rtcp_tag_bytes = rtcp_tag_bytes

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet in clear; None when it is not authentic, repeated or too old."""
        return self._receiver.unprotect(self._without_mki(packet, self._tag_bytes))

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet in clear; None when it is not authentic or repeated."""
        return self._receiver.unprotect_rtcp(self._without_mki(packet, self._rtcp_tag_bytes))

    def _without_mki(self, packet: bytes, tag_bytes: int) -> bytes:
        tag_at = max(0, len(packet) - tag_bytes)
        return packet[: max(0, tag_at - self._mki_bytes)] + packet[tag_at:]


class RocSearch:
    """Finds the rollover counter of a stream that libsrtp takes for one that begins (EDGE K13).

    SRTCP carries its whole index, so that is libsrtp's as long as it is alive.
    """

    __slots__ = ("_key", "_native", "_python")

    def __init__(self, key: SrtpKey, native: Receiver) -> None:
        self._key = key
        self._native = native
        self._python: PythonReceiver | None = None
        """Made when there is need of it: few streams go on under a new key."""

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet in clear; None when it is not authentic, repeated or too old."""
        if self._python is None:
            self._python = PythonReceiver(self._key, first_rocs=LATER_ROCS)
        return self._python.unprotect(packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet in clear; None when it is not authentic or repeated."""
        return self._native.unprotect_rtcp(packet)


class _Candidate(NamedTuple):
    """A receiver that may turn out to be the peer's."""

    key: SrtpKey
    """Without window and MKI: they make no other context."""
    derivation: Derivation
    context: Receiver
    receiver: Receiver
    """The context, behind what takes out the MKI."""
    until: float
    """Monotonic seconds; infinite for what the peer has announced last."""


class SrtpLeg:
    """One leg's contexts, both directions."""

    __slots__ = (
        *("keys", "receiver", "sender", "_candidates", "_derivation", "_receivers", "_rules"),
        "_senders",
    )

    def __init__(self, keys: LegSrtp, rules: SrtpRules) -> None:
        self._rules = rules
        self.keys = keys
        """Those in force."""
        self._derivation = _derivations(rules.aes192)[0]
        """How we derive AES-192 keys: as the peer does, once that is known."""
        self._senders: dict[tuple[SrtpKey, Derivation], Sender] = {}
        self._receivers: dict[SrtpKey, list[_Candidate]] = {}
        """For each of the last keys what may be the peer's, or the one that has proved to be."""
        self.sender: Sender = self._sender_of(keys.ours)
        """What encrypts; another one after a rekeying and when the leg settles."""
        self.receiver: Receiver | None = None
        """What judges every packet; None while undecided."""
        self._candidates = self._announced(keys.theirs)

    def rekey(self, keys: LegSrtp, now: float) -> None:
        """Take the keys of a new offer and answer; equal ones keep ROC and replay list (K14)."""
        old, self.keys = self.keys, keys
        if keys.ours != old.ours:
            self.sender = self._sender_of(keys.ours)
        if keys.theirs._replace(window=0) == old.theirs._replace(window=0):
            return
        until = now + self._rules.rekey_s
        earlier = [
            candidate._replace(until=min(candidate.until, until))
            for candidate in self._candidates
            if now < candidate.until
        ]
        self.receiver = None
        # The earlier ones first: to search the new key for a packet of the old one costs most.
        self._candidates = earlier[-MOST_EARLIER:] + self._announced(keys.theirs)

    def protect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet as the peer gets it; None when it must not be sent.

        That is a repeated or long outdated sequence number: its keystream has been used.
        """
        return self.sender.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet as the peer gets it; None when the key is used up."""
        return self.sender.protect_rtcp(packet)

    def unprotect(self, packet: bytes, now: float) -> bytes | None:
        """Return the peer's RTP packet in clear; None when it is not authentic or repeated."""
        if self.receiver is not None:
            return self.receiver.unprotect(packet)
        for candidate in self._valid(now):
            clear = candidate.receiver.unprotect(packet)
            if clear is not None:
                self._note_verified(candidate)
                return clear
        return None

    def unprotect_rtcp(self, packet: bytes, now: float) -> bytes | None:
        """Return the peer's RTCP packet in clear; None when it is not authentic or repeated."""
        if self.receiver is not None:
            return self.receiver.unprotect_rtcp(packet)
        for candidate in self._valid(now):
            clear = candidate.receiver.unprotect_rtcp(packet)
            if clear is not None:
                self._note_key(candidate)
                return clear
        return None

    def theirs(self, ssrc: int) -> NativeSession | None:
        """Return what UNPROTECT takes for the peer's packets of this SSRC, None for another way.

        The caller asks `admits` for any other packet that it has decrypted.
        """
        receiver = self.receiver
        return receiver.session_of(ssrc) if isinstance(receiver, NativeReceiver) else None

    def ours(self, ssrc: int) -> NativeSession | None:
        """Return what PROTECT takes for packets of this SSRC, None for another way."""
        sender = self.sender
        return sender.session_of(ssrc) if isinstance(sender, NativeSender) else None

    def admits(self, packet: bytes) -> bool:
        """Tell whether a packet that `theirs` has decrypted may be of the SSRC that it has."""
        receiver = self.receiver
        return not isinstance(receiver, NativeReceiver) or receiver.is_bound(packet[8:12])

    def _valid(self, now: float) -> list[_Candidate]:
        """Return the candidates left, without old keys whose time is over."""
        if any(now >= candidate.until for candidate in self._candidates):
            self._candidates = [it for it in self._candidates if now < it.until]
        return self._candidates

    def _note_verified(self, candidate: _Candidate) -> None:
        """Settle on what the peer has announced last, or on one of an old key's contexts."""
        _remember(self._receivers, candidate.key, [candidate])
        self._note_key(candidate)
        self._candidates = [
            it for it in self._candidates if it.key != candidate.key or it is candidate
        ]
        if candidate.until == inf:
            self.receiver = candidate.receiver

    def _note_key(self, candidate: _Candidate) -> None:
        """End what a verified packet rules out: old keys, and the other way to derive (K11, K14).

        SRTCP alone leaves open which rollover counter the peer's RTP has.
        """
        if candidate.until < inf:
            return
        self._candidates = [
            it
            for it in self._candidates
            if it.key == candidate.key and it.derivation is candidate.derivation
        ]
        if _is_aes192(candidate.key.suite):
            self._derivation = candidate.derivation
            self.sender = self._sender_of(self.keys.ours)

    def _announced(self, key: SrtpKey) -> list[_Candidate]:
        """Return what a key of the peer may mean; what it has meant, if the leg has had it."""
        bare = key._replace(mki_bytes=0, window=0)
        known = self._receivers.get(bare) or self._candidates_for(key, bare)
        _remember(self._receivers, bare, known)
        return [self._behind_mki(candidate, key) for candidate in known]

    def _candidates_for(self, key: SrtpKey, bare: SrtpKey) -> list[_Candidate]:
        """Return fresh contexts for a key of the peer, the likeliest first."""
        contexts: list[tuple[Derivation, Receiver]]
        tag_bytes = self._rtcp_tag_bytes(key.suite)
        if not _is_aes192(key.suite):
            native = NativeReceiver(key, tag_bytes)
            contexts = [(Derivation.RFC, native), (Derivation.RFC, RocSearch(key, native))]
        else:
            ways = _derivations(self._rules.aes192)
            contexts = [(way, PythonReceiver(key, way, tag_bytes, ALL_ROCS)) for way in ways]
        return [_Candidate(bare, way, context, context, inf) for way, context in contexts]

    def _behind_mki(self, candidate: _Candidate, key: SrtpKey) -> _Candidate:
        receiver = candidate.context
        if key.mki_bytes:
            tag_bytes = self._rtcp_tag_bytes(key.suite)
            receiver = MkiReceiver(receiver, key.mki_bytes, key.suite.tag_bytes, tag_bytes)
        return candidate._replace(receiver=receiver, until=inf)

    def _sender_of(self, key: SrtpKey) -> Sender:
        """Return the context of a key of ours, the earlier one if the leg has had it."""
        derivation = self._derivation if _is_aes192(key.suite) else Derivation.RFC
        bare = key._replace(mki_bytes=0, window=0)
        sender = self._senders.get((bare, derivation))
        if sender is None:
            tag_bytes = self._rtcp_tag_bytes(key.suite)
            if _is_aes192(key.suite):
                sender = PythonSender(key, derivation, tag_bytes)
            else:
                sender = NativeSender(key, tag_bytes)
        _remember(self._senders, (bare, derivation), sender)
        return sender

    def _rtcp_tag_bytes(self, suite: Suite) -> int:
        return suite.tag_bytes if self._rules.srtcp_tag32 else SRTCP_TAG_BYTES


def _is_aes192(suite: Suite) -> bool:
    return suite.key_bytes == AES_192_BYTES


def _derivations(aes192: Aes192Kdf) -> tuple[Derivation, ...]:
    """Return what the operator lets us try, the RFC's way first."""
    return {
        Aes192Kdf.AUTO: (Derivation.RFC, Derivation.LIBSRTP),
        Aes192Kdf.RFC: (Derivation.RFC,),
        Aes192Kdf.LIBSRTP: (Derivation.LIBSRTP,),
    }[aes192]


def _remember(contexts: dict[Key, Context], key: Key, context: Context) -> None:
    """Keep what belongs to a key as the newest of the few that are kept."""
    contexts.pop(key, None)
    contexts[key] = context
    if len(contexts) > MOST_KEYS:
        del contexts[next(iter(contexts))]
