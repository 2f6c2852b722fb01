"""Is it the tone that was sent? Mu-law made linear, and the share that one frequency has."""

import math
from collections.abc import Sequence

SAMPLES_PER_S = 8_000


def linear(payload: bytes) -> list[int]:
    """Return the samples of G.711 mu-law."""
    return [_LINEAR[octet] for octet in payload]


def share_of(samples: Sequence[int], hz: int) -> float:
    """Return which part of the energy one frequency has, from 0 to 1 (Goertzel's algorithm)."""
    energy = sum(it * it for it in samples)
    if not energy:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hz / SAMPLES_PER_S)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    power = last * last + before * before - turn * last * before
    return 2 * power / (len(samples) * energy)


def _linear(octet: int) -> int:
    """Return one sample of 16 bits (ITU-T G.711, table 2a)."""
    octet ^= 0xFF
    magnitude = (((octet & 0x0F) << 3) + 0x84 << (octet >> 4 & 7)) - 0x84
    return -magnitude if octet & 0x80 else magnitude


_LINEAR = [_linear(octet) for octet in range(256)]
