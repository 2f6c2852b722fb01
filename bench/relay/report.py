"""What the relay benchmark has measured, and how it is shown."""

import os
import platform
from statistics import median
from typing import NamedTuple

from bench.relay.load import Media, Result

OURS = "ours"
RTPENGINE = "rtpengine"


class Case(NamedTuple):
    """One line of the first table."""

    relay: str
    media: Media
    sessions: int
    saturated: bool


class Figures:
    """Everything measured, round by round."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.results: dict[Case, list[Result]] = {}
        self.memory: dict[tuple[str, Media, int], list[int]] = {}
        """Resident KiB by relay, media and number of sessions."""
        self.setups: dict[tuple[str, Media], list[float]] = {}
        """CPU us of a session without packets."""
        self.scaling: dict[tuple[Media, int], list[Result]] = {}
        """Ours, saturated, by number of workers."""

    def cpu_us(self, case: Case) -> float:
        """Return the median of a case's CPU time per packet."""
        return median(run.cpu_us for run in self.results[case])

    def ratio(self, case: Case) -> float | None:
        """Return a case's CPU time per packet to that of rtpengine, None without that."""
        theirs = case._replace(relay=RTPENGINE)
        return self.cpu_us(case) / self.cpu_us(theirs) if theirs in self.results else None


def worst_ratio(figures: Figures, media: Media) -> float:
    """Return the highest ratio of our cases."""
    ours = [case for case in figures.results if (case.relay, case.media) == (OURS, media)]
    return max(ratio for case in ours if (ratio := figures.ratio(case)) is not None)


def print_figures(figures: Figures, rounds: int, other: str | None) -> None:
    """Print conditions and tables."""
    _print_conditions(figures, rounds, other)
    _print_load(figures)
    _print_memory(figures)
    _print_setups(figures)
    _print_scaling(figures)


def _print_conditions(figures: Figures, rounds: int, other: str | None) -> None:
    print("Relay: 172-byte G.711 packets, both directions;")
    print("SRTP is AES_CM_128_HMAC_SHA1_80 on the caller's side and RTP on the callee's")
    print(f"median of {rounds} x {figures.seconds:g} s")
    print(f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores")
    print("relay on core 0, load on core 1, loopback; CPU from /proc/PID/task/*/schedstat")
    print(
        f"beside it: {'rtpengine ' + other + ', user space' if other else 'nothing, no rtpengine'}"
    )
    print("settings that differ from the defaults: when saturated, packets_per_second = 1000000")
    print("for rtpengine: table=-1 (no kernel module), interface=127.0.0.1, log-level=2\n")


def _print_load(figures: Figures) -> None:
    # Delay suffers from whatever else runs on the two cores; the best round suffered least.
    columns = "packets/s | CPU us/packet | ratio | best p99 us | loss %"
    print(f"| media | sessions | load | relay | {columns} |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case, runs in sorted(figures.results.items(), key=_by_case):
        ratio = figures.ratio(case)
        print(
            f"| {case.media.value} | {case.sessions} | {'saturated' if case.saturated else 'paced'}"
            f" | {case.relay} | {median(run.packets_per_second for run in runs):.0f}"
            f" | {figures.cpu_us(case):.2f} | {'-' if ratio is None else format(ratio, '.2f')}"
            f" | {min(run.p99_us for run in runs):.0f}"
            f" | {median(run.loss_percent for run in runs):.3f} |"
        )


def _by_case(item: tuple[Case, list[Result]]) -> tuple[str, int, bool, str]:
    case = item[0]
    return case.media.value, case.sessions, case.saturated, case.relay


def _print_memory(figures: Figures) -> None:
    print("\nMemory per session, RTCP sockets included (the kernel's is not part of it):")
    for relay, media in dict.fromkeys((relay, media) for relay, media, _ in figures.memory):
        of_this = {
            sessions: median(kib)
            for (its_relay, its_media, sessions), kib in figures.memory.items()
            if (its_relay, its_media) == (relay, media)
        }
        fewer, more = min(of_this), max(of_this)
        grown = (of_this[more] - of_this[fewer]) / (more - fewer)
        print(
            f"- {relay}, {media.value}: {grown:.1f} KiB ({of_this[fewer]:.0f} KiB at {fewer}, "
            f"{of_this[more]:.0f} KiB at {more})"
        )


def _print_setups(figures: Figures) -> None:
    print("\nA session opened, described twice and closed (rtpengine: offer, answer, delete):")
    for (relay, media), costs in figures.setups.items():
        print(f"- {relay}, {media.value}: {median(costs):.0f} us of CPU")


def _print_scaling(figures: Figures) -> None:
    print(
        "\n| media | workers | packets/s | CPU us/packet | packets/s that their CPU would carry |"
    )
    print("|---|---|---|---|---|")
    for (media, workers), runs in figures.scaling.items():
        cpu_us = median(run.cpu_us for run in runs)
        print(
            f"| {media.value} | {workers} | {median(run.packets_per_second for run in runs):.0f} "
            f"| {cpu_us:.2f} | {workers * 1e6 / cpu_us:.0f} |"
        )
    if (os.cpu_count() or 1) < 3:
        print("With two cores the second worker shares the load's: look at CPU per packet.")
