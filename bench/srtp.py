"""What encrypting and decrypting one packet costs, for each suite and implementation.

    python -m bench.srtp

Packets are those of PCMU at 20 ms, each the next of one stream. Times are of the calling thread's
CPU, the best of several rounds: what a media worker pays beyond receiving and sending.
"""

import os
import time
from collections.abc import Callable
from struct import pack

from edge.media.srtp_keys import SALT_BYTES, SrtpKey, Suite
from edge.media.srtp_native import NativeReceiver, NativeSender
from edge.media.srtp_python import PythonReceiver, PythonSender

PACKETS = 20_000
ROUNDS = 5
PAYLOAD = bytes(160)
REPORT = pack("!BBHLLLLLL", 0x80, 200, 6, 7, 1, 2, 3, 4, 5)


def main() -> None:
    """Print a line for each suite and implementation."""
    print(f"us per packet, best of {ROUNDS} rounds of {PACKETS} packets")
    print("| suite | by | protect | unprotect | protect RTCP | unprotect RTCP |")
    print("|---|---|---|---|---|---|")
    for suite in Suite:
        key = SrtpKey(suite, os.urandom(suite.key_bytes), os.urandom(SALT_BYTES))
        if suite.key_bytes != 24:
            measure("libsrtp", key, NativeSender, NativeReceiver)
        measure("Python", key, PythonSender, PythonReceiver)


def measure(
    name: str,
    key: SrtpKey,
    sender: Callable[[SrtpKey], NativeSender | PythonSender],
    receiver: Callable[[SrtpKey], NativeReceiver | PythonReceiver],
) -> None:
    """Print the line of one implementation with one suite."""
    best = [float("inf")] * 4
    for _ in range(ROUNDS):
        a, b = sender(key), receiver(key)
        clear = [
            pack("!BBHLL", 0x80, 0, number % 65536, number * 160, 7) + PAYLOAD
            for number in range(PACKETS)
        ]
        times = []
        for work, inputs in ((a.protect, clear), (a.protect_rtcp, [REPORT] * PACKETS)):
            spent, outputs = timed(work, inputs)
            judge = b.unprotect if work == a.protect else b.unprotect_rtcp
            times += [spent, timed(judge, outputs)[0]]
        best = [min(pair) for pair in zip(best, times, strict=True)]
    columns = " | ".join(f"{seconds / PACKETS * 1e6:.2f}" for seconds in best)
    print(f"| {key.suite.value} | {name} | {columns} |", flush=True)


def timed(work: Callable[[bytes], bytes | None], inputs: list[bytes]) -> tuple[float, list[bytes]]:
    """Return the CPU seconds that the work took, and what it made of the inputs."""
    started = time.thread_time()
    outputs = [work(packet) for packet in inputs]
    spent = time.thread_time() - started
    if None in outputs:
        raise RuntimeError("a packet was refused")
    return spent, [packet for packet in outputs if packet is not None]


if __name__ == "__main__":
    main()
