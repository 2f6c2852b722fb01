"""The SRTP of one leg: what encrypts toward its peer, and what may decrypt what comes from it.

Sending is simple: one context at a time. Receiving knows two states. *Settled*: one context judges
every packet. *Undecided*: several candidates are tried until one that was announced verifies a
packet, because the peer has announced a new key and may still use the old one (EDGE K14), or
because nobody knows how it derives AES-192 keys (K11). A context never begins anew with a key that
the leg had lately: a repeated keystream, or old packets that pass for new ones, would be the price.
"""

from collections.abc import Callable
from enum import StrEnum
from math import inf
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from edge.media.srtp_derivation import Derivation
from edge.media.srtp_keys import SRTCP_TAG_BYTES, LegSrtp, SrtpKey, Suite
from edge.media.srtp_native import NativeReceiver, NativeSender
from edge.media.srtp_python import PythonReceiver, PythonSender

AES_192_BYTES = 24
MOST_CONTEXTS = 4
"""Remembered per direction; a rejected re-INVITE returns to the keys before it."""


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


Context = TypeVar("Context", Sender, Receiver)


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


_Material: TypeAlias = tuple[SrtpKey, Derivation]
"""What makes two keys one context; it leaves out the window and the MKI around the key."""


class _Candidate(NamedTuple):
    """A receiver that may turn out to be the peer's."""

    receiver: Receiver
    derivation: Derivation
    until: float
    """Monotonic seconds; infinite for what the peer has announced last."""


class SrtpLeg:
    """One leg's contexts, both directions."""

    __slots__ = (
        *("receiver", "sender", "_candidates", "_derivation", "_keys", "_receivers", "_rules"),
        "_senders",
    )

    def __init__(self, keys: LegSrtp, rules: SrtpRules) -> None:
        self._rules = rules
        self._keys = keys
        self._derivation = _derivations(rules.aes192)[0]
        """How we derive AES-192 keys: as the peer does, once that is known."""
        self._senders: dict[_Material, Sender] = {}
        self._receivers: dict[_Material, Receiver] = {}
        self.sender: Sender = self._sender_of(keys.ours)
        """What encrypts; another one after a rekeying and when the leg settles."""
        self._candidates = self._announced(keys.theirs)
        self.receiver: Receiver | None = None
        """What judges every packet; None while undecided."""
        self._settle_if_alone()

    def rekey(self, keys: LegSrtp, now: float) -> None:
        """Take the keys of a new offer and answer; equal ones keep ROC and replay list (K14)."""
        old, self._keys = self._keys, keys
        if keys.ours != old.ours:
            self.sender = self._sender_of(keys.ours)
        if keys.theirs == old.theirs:
            return
        until = now + self._rules.rekey_s
        announced = self._announced(keys.theirs)
        new_receivers = [candidate.receiver for candidate in announced]
        self._candidates = announced + [
            candidate._replace(until=min(candidate.until, until))
            for candidate in self._candidates
            if now < candidate.until and candidate.receiver not in new_receivers
        ]
        del self._candidates[MOST_CONTEXTS:]
        self.receiver = None
        self._settle_if_alone()

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
        return self._tried(now, lambda it: it.unprotect(packet))

    def unprotect_rtcp(self, packet: bytes, now: float) -> bytes | None:
        """Return the peer's RTCP packet in clear; None when it is not authentic or repeated."""
        if self.receiver is not None:
            return self.receiver.unprotect_rtcp(packet)
        return self._tried(now, lambda it: it.unprotect_rtcp(packet))

    def _tried(self, now: float, judge: Callable[[Receiver], bytes | None]) -> bytes | None:
        """Return what the first candidate makes of a packet that it finds authentic."""
        for candidate in self._valid(now):
            clear = judge(candidate.receiver)
            if clear is not None:
                self._note_verified(candidate)
                return clear
        return None

    def _valid(self, now: float) -> list[_Candidate]:
        """Return the candidates left, without old keys whose time is over."""
        self._candidates = [it for it in self._candidates if now < it.until]
        self._settle_if_alone()
        return self._candidates

    def _note_verified(self, candidate: _Candidate) -> None:
        """Stop trying others once what the peer has announced last has verified a packet."""
        if candidate.until == inf:
            self._candidates = [candidate]
            self._settle_if_alone()

    def _settle_if_alone(self) -> None:
        if len(self._candidates) > 1:
            return
        [candidate] = self._candidates
        self.receiver = candidate.receiver
        if _is_aes192(self._keys.theirs.suite):
            self._derivation = candidate.derivation
            self.sender = self._sender_of(self._keys.ours)

    def _announced(self, key: SrtpKey) -> list[_Candidate]:
        """Return candidates for a key of the peer, the likeliest first."""
        ways = [Derivation.RFC]
        if _is_aes192(key.suite):
            ways = sorted(_derivations(self._rules.aes192), key=lambda it: it != self._derivation)
        return [_Candidate(self._receiver_of(key, way), way, inf) for way in ways]

    def _sender_of(self, key: SrtpKey) -> Sender:
        """Return the context of a key of ours, the earlier one if the leg has had it."""
        derivation = self._derivation if _is_aes192(key.suite) else Derivation.RFC
        material = _material(key, derivation)
        sender = self._senders.pop(material, None)
        if sender is None:
            tag_bytes = self._rtcp_tag_bytes(key.suite)
            if _is_aes192(key.suite):
                sender = PythonSender(key, derivation, tag_bytes)
            else:
                sender = NativeSender(key, tag_bytes)
        _remember(self._senders, material, sender)
        return sender

    def _receiver_of(self, key: SrtpKey, derivation: Derivation) -> Receiver:
        """Return the context of a key of the peer's, the earlier one if the leg has had it."""
        material, tag_bytes = _material(key, derivation), self._rtcp_tag_bytes(key.suite)
        receiver = self._receivers.pop(material, None)
        if receiver is None:
            if _is_aes192(key.suite):
                receiver = PythonReceiver(key, derivation, tag_bytes)
            else:
                receiver = NativeReceiver(key, tag_bytes)
        _remember(self._receivers, material, receiver)
        if key.mki_bytes:
            return MkiReceiver(receiver, key.mki_bytes, key.suite.tag_bytes, tag_bytes)
        return receiver

    def _rtcp_tag_bytes(self, suite: Suite) -> int:
        return suite.tag_bytes if self._rules.srtcp_tag32 else SRTCP_TAG_BYTES


def _is_aes192(suite: Suite) -> bool:
    return suite.key_bytes == AES_192_BYTES


def _material(key: SrtpKey, derivation: Derivation) -> _Material:
    return key._replace(mki_bytes=0, window=0), derivation


def _derivations(aes192: Aes192Kdf) -> tuple[Derivation, ...]:
    """Return what the operator lets us try, the RFC's way first."""
    return {
        Aes192Kdf.AUTO: (Derivation.RFC, Derivation.LIBSRTP),
        Aes192Kdf.RFC: (Derivation.RFC,),
        Aes192Kdf.LIBSRTP: (Derivation.LIBSRTP,),
    }[aes192]


def _remember(contexts: dict[_Material, Context], material: _Material, context: Context) -> None:
    """Keep a context as the newest of the few that are kept."""
    contexts[material] = context
    if len(contexts) > MOST_CONTEXTS:
        del contexts[next(iter(contexts))]
