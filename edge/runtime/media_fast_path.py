"""What the media worker's loop does with the packets of a latched leg, short of looking at them.

The loop has one buffer, that of libsrtp. Nearly every packet is received into it, decrypted,
looked at, encrypted and sent without another call of ours. What is rarer is done by functions that
take the place of receiving or sending: other keys than libsrtp's, payload types or numbers that
differ between the legs, a recording.
"""

from collections.abc import Callable
from typing import TypeAlias

from edge.media.relaying import MediaLeg
from edge.media.rtp import Shift, rewritten
from edge.media.srtp_leg import SrtpLeg
from edge.media.srtp_native import NativeSession, Octets
from edge.media.statistics import Reception


class NotAuthentic(Exception):
    """What was received is no SRTP packet of the peer; it is counted already."""


class Moment:
    """The time of the present wake-up, read once for all of its packets."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


Receive = Callable[[Octets], int]
"""Puts the next packet of a connected socket into the buffer, returns its size; may raise
NotAuthentic."""
Send = Callable[[bytes], object]
"""Sends a packet to a leg's peer."""
Changed = Callable[[], None]
"""Tells that the fast path of a leg is not what it could be any more."""


FastPath: TypeAlias = tuple[
    Receive, NativeSession | None, Reception, int, NativeSession | None, Send
]
"""All that the loop needs of a leg: what receives; what decrypts that, None when it is clear
already; the counters; version and payload type of the audio, as in a header's first word; what
encrypts for the other leg's peer, None when sending sees to that; what sends.

A plain tuple, because a named one takes three times as long to unpack.
"""


def receive_through(
    srtp: SrtpLeg, receive: Receive, leg: MediaLeg, moment: Moment, changed: Changed | None
) -> Receive:
    """Return a function that decrypts with any key; `changed` is told when libsrtp's would do."""

    def receive_authentic(octets: Octets) -> int:
        packet = srtp.unprotect(octets[: receive(octets)], moment.now)
        if packet is None:
            leg.unauthentic += 1
            raise NotAuthentic
        if changed is not None and srtp.theirs(leg.reception.ssrc) is not None:
            changed()
        size = len(packet)
        octets[:size] = packet
        return size

    return receive_authentic


def receive_noted(receive: Receive, note: Callable[[bytes], None]) -> Receive:
    """Return a function that shows each packet, in clear, to somebody else."""

    def receive_and_note(octets: Octets) -> int:
        size = receive(octets)
        note(octets[:size])
        return size

    return receive_and_note


def send_through(srtp: SrtpLeg, send: Send, ssrc: int, changed: Changed | None) -> Send:
    """Return a function that encrypts with any key; `changed` is told when libsrtp's would do."""

    def send_protected(packet: bytes) -> None:
        sealed = srtp.protect(packet)
        if sealed is not None:
            send(sealed)
            if changed is not None and srtp.ours(ssrc) is not None:
                changed()

    return send_protected


def send_rewritten(payload_type: int, shift: Shift | None, send: Send) -> Send:
    """Return a function that gives each packet the payload type and numbers of the other leg."""

    def send_translated(packet: bytes) -> None:
        send(rewritten(packet, payload_type, shift))

    return send_translated
