"""G.711 mu-law as the simulated phones need it: silence, a 1 kHz tone, 20 ms at a time."""

SAMPLES_PER_PACKET = 160
"""20 ms at 8 kHz."""
SILENCE = b"\xff" * SAMPLES_PER_PACKET

# ITU-T G.711's 1 kHz test sequence of mu-law: 0 dBm0, eight samples a period.
_TONE_PERIOD = bytes((0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E))
TONE = _TONE_PERIOD * (SAMPLES_PER_PACKET // len(_TONE_PERIOD))
