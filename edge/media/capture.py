"""What a recorded session receives and sends, in clear, as records of a capture file.

A session that is not recorded has no Capture: nobody else pays for those that are.
"""

from edge.flow import Address
from edge.media import pcap

MOST_BYTES = 1 << 20
"""Between two looks, which are a fraction of a second apart: what a flood brings beyond it is not
recorded."""


class Capture:
    """The records of one session that nobody has taken yet."""

    __slots__ = ("_address", "_epoch_s", "_records", "_size")

    def __init__(self, address: str, epoch_s: float) -> None:
        """`address` is ours, as SDP shows it; `epoch_s` is UTC at monotonic 0, since 1970."""
        self._address = address
        self._epoch_s = epoch_s
        self._records: list[bytes] = []
        self._size = 0

    def received(self, port: int, source: Address | None, packet: bytes | None, now: float) -> None:
        """Note a packet that came to a port of ours; None where there is none in clear."""
        if source is not None and packet:
            self._note(source, (self._address, port), packet, now)

    def sent(self, port: int, destination: Address | None, packet: bytes, now: float) -> None:
        """Note a packet that leaves a port of ours; None where it goes nowhere."""
        if destination is not None:
            self._note((self._address, port), destination, packet, now)

    def take(self) -> bytes:
        """Return what was noted since the last time."""
        taken = b"".join(self._records)
        self._records.clear()
        self._size = 0
        return taken

    def _note(self, source: Address, destination: Address, packet: bytes, now: float) -> None:
        if self._size < MOST_BYTES:
            record = pcap.record(self._epoch_s + now, source, destination, packet)
            self._records.append(record)
            self._size += len(record)
