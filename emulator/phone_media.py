"""The audio side of a simulated phone: one RTP socket, a sound, counters."""

import asyncio
import struct
import time
from collections.abc import Callable

from edge.flow import Address
from edge.ids import Ids
from edge.media.rtp import parse
from edge.media.session import PayloadTypes
from edge.media.statistics import Reception
from emulator.audio import SAMPLES_PER_PACKET, SILENCE, TONE
from emulator.pstn_plan import Sound

PACKET_S = 0.02
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_EVENT_PACKETS = 5
"""Packets of one digit before its end packets: 100 ms."""
_END_PACKETS = 3
"""RFC 4733 §2.5.1.4: the end of an event is sent three times."""
_VOLUME = 10


class PhoneMedia(asyncio.DatagramProtocol):
    """Sends one sound and answers what it hears; it never sends before it knows where to."""

    def __init__(self, ids: Ids) -> None:
        self._ssrc = ids.ssrc()
        self._sequence = ids.below(1 << 15)
        self._timestamp = ids.below(1 << 31)
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: Address | None = None
        self._types = PayloadTypes()
        self._sound = Sound.SILENCE
        self._pacing: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._digits: list[int] = []
        self._digit_step = 0
        self._last_event: int | None = None
        self.sent = 0
        """Packets."""
        self.received = 0
        self.reception = Reception()
        """Loss and jitter of what was received."""
        self.digits = ""
        """DTMF digits that were heard."""
        self.heard: Callable[[bytes], None] | None = None
        """Called with every audio payload."""

    @classmethod
    async def open(cls, host: str, ids: Ids) -> "PhoneMedia":
        """Bind a free port on `host`; raises OSError."""
        loop = asyncio.get_running_loop()
        transport, media = await loop.create_datagram_endpoint(
            lambda: cls(ids), local_addr=(host, 0)
        )
        media._transport = transport
        return media

    @property
    def port(self) -> int:
        """Return the RTP port."""
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def play(self, sound: Sound, remote: Address, types: PayloadTypes) -> None:
        """Send a sound to the peer from now on; replaces the one before."""
        self._remote, self._types, self._sound = remote, types, sound
        if sound is Sound.ECHO:
            # An echo is paced by what comes in; a second stream beside it would garble it.
            self._stop_pacing()
        elif self._pacing is None:
            self._due = asyncio.get_running_loop().time()
            self._pace()

    def pause(self) -> None:
        """Send nothing until `play`: the peer has put us on hold (RFC 3264 §8.4)."""
        self._remote = None
        self._stop_pacing()

    def press(self, digits: str) -> None:
        """Send DTMF digits after those that are still on their way."""
        self._digits.extend("0123456789*#ABCD".index(digit) for digit in digits)

    def close(self) -> None:
        """Stop sending and give the port back."""
        self._stop_pacing()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Count a packet and react to it."""
        header, payload = parse(data), data[_HEADER.size :]
        if header is None or not payload:
            return
        self.received += 1
        kind = header.payload_type
        is_event = kind == self._types.telephone_event
        self.reception.accept(header, len(data), time.monotonic(), timed=not is_event)
        if is_event:
            self._hear_event(payload, header.timestamp)
        else:
            if self._sound is Sound.ECHO:
                self._send(kind, payload, len(payload))
            if self.heard is not None:
                self.heard(payload)

    def error_received(self, exc: Exception) -> None:
        """A closed peer port is no reason to stop."""

    def _stop_pacing(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
            self._pacing = None

    def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        if self._digits and self._types.telephone_event is not None:
            self._send_event()
        else:
            assert self._types.pcmu is not None, "a phone reads descriptions of PCMU alone"
            self._send(self._types.pcmu, TONE if self._sound is Sound.TONE else SILENCE)
        self._due += PACKET_S
        self._pacing = loop.call_at(self._due, self._pace)

    def _hear_event(self, payload: bytes, timestamp: int) -> None:
        if len(payload) < _EVENT.size or timestamp == self._last_event:
            return
        self._last_event = timestamp
        event = payload[0]
        if event < 16:
            self.digits += "0123456789*#ABCD"[event]
            if self._sound is Sound.DIGITS:
                self._digits.append(event)

    def _send_event(self) -> None:
        """Send the next packet of the digit: one timestamp, growing duration (RFC 4733 §2.5)."""
        step = self._digit_step
        end = step >= _EVENT_PACKETS
        duration = SAMPLES_PER_PACKET * min(step + 1, _EVENT_PACKETS + 1)
        content = _EVENT.pack(self._digits[0], (0x80 if end else 0) | _VOLUME, duration)
        assert self._types.telephone_event is not None
        mark = 0x80 if step == 0 else 0
        self._send(self._types.telephone_event | mark, content, 0)
        self._digit_step += 1
        if self._digit_step == _EVENT_PACKETS + _END_PACKETS:
            self._digit_step = 0
            self._digits.pop(0)
            self._timestamp += SAMPLES_PER_PACKET * (_EVENT_PACKETS + _END_PACKETS)

    def _send(self, kind: int, payload: bytes, samples: int = SAMPLES_PER_PACKET) -> None:
        if self._remote is None or self._transport is None or self._transport.is_closing():
            return
        header = _HEADER.pack(
            0x80, kind, self._sequence & 0xFFFF, self._timestamp & 0xFFFFFFFF, self._ssrc
        )
        self._transport.sendto(header + payload, self._remote)
        self._sequence += 1
        self._timestamp += samples
        self.sent += 1
