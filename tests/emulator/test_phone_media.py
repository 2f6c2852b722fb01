"""The audio side of a simulated phone, packet by packet."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from edge.ids import SystemIds
from edge.media.session import PayloadTypes
from emulator.audio import SILENCE, TONE
from emulator.phone_media import PhoneMedia
from emulator.pstn_plan import Sound

pytestmark = pytest.mark.sockets

TYPES = PayloadTypes(0, 101)
Packet = tuple[int, bool, int, int, bytes]
"""Payload type, marker, sequence number, timestamp, payload."""


class Peer:
    """A socket that talks to a phone."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address: tuple[str, int] = self._socket.getsockname()

    async def receive(self) -> Packet:
        data = await asyncio.wait_for(
            asyncio.get_running_loop().sock_recv(self._socket, 2_048), timeout=5
        )
        first, second, sequence, timestamp, _ = struct.unpack_from("!BBHII", data)
        assert first == 0x80
        return second & 0x7F, bool(second & 0x80), sequence, timestamp, data[12:]

    def send(self, port: int, kind: int, sequence: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, kind, sequence, timestamp, 1)
        self._socket.sendto(header + payload, ("127.0.0.1", port))

    def close(self) -> None:
        self._socket.close()


def with_phone(scenario: Callable[[PhoneMedia, Peer], Awaitable[None]]) -> None:
    async def body() -> None:
        phone, peer = await PhoneMedia.open("127.0.0.1", SystemIds()), Peer()
        try:
            await scenario(phone, peer)
        finally:
            phone.close()
            peer.close()

    asyncio.run(body())


def test_the_tone_is_itus_and_one_kilohertz() -> None:
    # ITU-T G.711, table 5: a period of eight samples at 8 kHz.
    assert bytes((0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E)) * 20 == TONE
    assert len(TONE) == len(SILENCE) == 160


def test_a_stream_counts_packets_and_samples() -> None:
    # RFC 3550 §5.1
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.play(Sound.TONE, peer.address, TYPES)
        packets = [await peer.receive() for _ in range(5)]
        first = packets[0]
        for number, packet in enumerate(packets):
            sequence = (first[2] + number) & 0xFFFF
            timestamp = (first[3] + 160 * number) & 0xFFFFFFFF
            assert packet == (0, False, sequence, timestamp, TONE)

    with_phone(scenario)


def test_an_echo_is_paced_by_what_comes_in_alone() -> None:
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.play(Sound.TONE, peer.address, TYPES)
        assert (await peer.receive())[4] == TONE
        phone.play(Sound.ECHO, peer.address, TYPES)
        for number in range(3):
            payload = bytes([number]) * 160
            peer.send(phone.port, 0, number, 160 * number, payload)
            assert (await peer.receive())[4] == payload
        assert phone.sent == 4

    with_phone(scenario)


def test_a_paused_phone_hears_and_is_silent_until_it_plays_again() -> None:
    # RFC 3264 §8.4
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.play(Sound.TONE, peer.address, TYPES)
        await peer.receive()
        phone.pause()
        sent = phone.sent
        peer.send(phone.port, 0, 1, 160, TONE)
        while not phone.received:
            await asyncio.sleep(0.005)
        assert phone.sent == sent
        phone.play(Sound.ECHO, peer.address, TYPES)
        peer.send(phone.port, 0, 2, 320, SILENCE)
        assert (await peer.receive())[4] == SILENCE

    with_phone(scenario)


def test_a_digit_is_one_event_with_a_threefold_end() -> None:
    # RFC 4733 §2.5.1: one timestamp, marker on the first, growing duration, the end three times.
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.press("5")
        phone.play(Sound.SILENCE, peer.address, TYPES)
        packets = [await peer.receive() for _ in range(9)]
        events, after = packets[:8], packets[8]
        assert {kind for kind, *_ in events} == {101}
        assert [marker for _, marker, *_ in events] == [True] + [False] * 7
        assert len({timestamp for _, _, _, timestamp, _ in events}) == 1
        told = [struct.unpack("!BBH", payload) for *_, payload in events]
        assert {event for event, _, _ in told} == {5}
        assert [bool(flags & 0x80) for _, flags, _ in told] == [False] * 5 + [True] * 3
        assert [duration for *_, duration in told] == [160, 320, 480, 640, 800, 960, 960, 960]
        assert after[0] == 0 and after[3] > events[0][3]

    with_phone(scenario)


def test_an_event_counts_once_however_often_it_is_sent() -> None:
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.play(Sound.DIGITS, peer.address, TYPES)
        for number in range(8):
            peer.send(phone.port, 101, number, 4_000, struct.pack("!BBH", 11, 10, 160 * number))
        peer.send(phone.port, 101, 8, 8_000, struct.pack("!BBH", 1, 10, 160))
        while phone.digits != "#1":
            await asyncio.sleep(0.005)
        assert phone.received == 9

    with_phone(scenario)


@pytest.mark.parametrize("datagram", [b"", b"\x80", b"\x00" * 40, b"\x80\x65" + b"\0" * 11])
def test_what_is_no_rtp_does_nothing(datagram: bytes) -> None:
    async def scenario(phone: PhoneMedia, peer: Peer) -> None:
        phone.play(Sound.ECHO, peer.address, TYPES)
        phone.datagram_received(datagram, peer.address)
        assert (phone.sent, phone.digits) == (0, "")

    with_phone(scenario)
