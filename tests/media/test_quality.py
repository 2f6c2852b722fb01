"""Round trips, what peers report, and what a listener thinks of a call (EDGE X5, X6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.quality import REPORTS_KEPT, PeerReports, mos, side_quality
from edge.media.rtcp import ReportBlock
from edge.media.session import LegStatistics
from model.quality import StreamQuality

NOW = 1000.0


def block(
    *, lost: int = 0, jitter: int = 0, last_report: int = 0, delay_s: float = 0
) -> ReportBlock:
    return ReportBlock(7, lost, jitter, last_report, round(delay_s * 65_536))


# (name, RTT us, jitter us, share of packets lost, MOS)                                   EDGE X6
SCORES = [
    ("perfect", 0, 0, 0.0, 4.4),
    ("no RTCP", None, 0, 0.0, 4.4),
    ("across a continent", 80_000, 5_000, 0.0, 4.38),
    ("just before delay begins to hurt", 299_000, 0, 0.0, 4.32),
    ("at the bend", 300_000, 0, 0.0, 4.32),
    ("by satellite", 600_000, 10_000, 0.0, 3.7),
    ("jitter", 20_000, 40_000, 0.0, 4.36),
    ("1 % lost", 20_000, 2_000, 0.01, 4.34),
    ("5 % lost", 20_000, 2_000, 0.05, 4.03),
    ("20 % lost", 20_000, 2_000, 0.2, 2.19),
    ("everything lost", 0, 0, 1.0, 1.0),
    ("unbearable delay", 60_000_000, 0, 0.0, 1.0),
]


@pytest.mark.parametrize(
    ("rtt_us", "jitter_us", "loss", "score"),
    [it[1:] for it in SCORES],
    ids=[it[0] for it in SCORES],
)
def test_the_score_follows_the_formula(
    rtt_us: int | None, jitter_us: int, loss: float, score: float
) -> None:  # EDGE X6
    assert mos(rtt_us, jitter_us, loss) == score


@given(st.integers(0, 10**8), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_the_score_has_bounds_and_falls_with_loss(
    rtt_us: int, jitter_us: int, one: float, other: float
) -> None:  # EDGE X6
    better, worse = (mos(rtt_us, jitter_us, loss) for loss in sorted((one, other)))
    assert 4.4 >= better >= worse >= 1.0


def test_a_round_trip_is_the_time_to_the_answer_less_what_the_peer_kept_it() -> None:  # EDGE X5
    reports = PeerReports()
    reports.passed(0x12345678, NOW)
    assert reports.rtt_us is None
    reports.take(block(last_report=0x12345678, delay_s=2.5), NOW + 2.58)
    assert reports.rtt_us == 80_000


def test_the_time_that_names_a_report_may_wrap() -> None:
    # The middle 32 bits of NTP time begin anew every 18 hours.
    reports = PeerReports()
    for number, name in enumerate((0xFFFFFFFF, 0, 1)):
        reports.passed(name, NOW + 5 * number)
    reports.take(block(last_report=0xFFFFFFFF, delay_s=5.0), NOW + 5.03)
    assert reports.rtt_us == pytest.approx(30_000, abs=1)
    reports.take(block(last_report=1, delay_s=0.5), NOW + 10.54)
    assert reports.rtt_us == pytest.approx(40_000, abs=1)


def test_an_answer_to_none_of_our_reports_measures_nothing() -> None:
    reports = PeerReports()
    reports.passed(5, NOW)
    for name in (0, 6):
        reports.take(block(last_report=name), NOW + 1)
    assert reports.rtt_us is None


def test_a_peer_that_kept_a_report_longer_than_it_had_it_is_near() -> None:
    reports = PeerReports()
    reports.passed(5, NOW)
    reports.take(block(last_report=5, delay_s=3), NOW + 1)
    assert reports.rtt_us == 0


def test_only_the_last_reports_are_remembered() -> None:
    reports = PeerReports()
    for number in range(REPORTS_KEPT + 1):
        reports.passed(number + 1, NOW + number)
    reports.take(block(last_report=1), NOW + 9)
    assert reports.rtt_us is None
    reports.take(block(last_report=2), NOW + 9)
    assert reports.rtt_us == 8_000_000


def test_what_the_peer_lost_is_never_negative_and_its_jitter_never_above_a_second() -> None:
    # EDGE X5
    reports = PeerReports()
    reports.take(block(lost=12, jitter=80), NOW)
    assert (reports.lost, reports.jitter_us) == (12, 10_000)
    reports.take(block(lost=-3, jitter=2**31), NOW)
    assert (reports.lost, reports.jitter_us) == (0, 10_000)


BEFORE = LegStatistics(
    packets=3_000,
    bytes=516_000,
    rtcp_packets=12,
    rtcp_bytes=600,
    lost=90,
    jitter_us=125,
    sent_packets=2_900,
    sent_bytes=498_800,
    sent_rtcp_packets=11,
    sent_rtcp_bytes=550,
    peer_lost=1,
    peer_jitter_us=250,
    rtt_us=20_000,
)


def test_a_minute_has_its_own_packets_and_the_losses_of_the_call() -> None:  # EDGE X4
    after = BEFORE._replace(packets=5_970, bytes=1_026_840, lost=120, sent_packets=5_900)
    minute = side_quality(after, BEFORE)
    assert minute.received == StreamQuality(2_970, 510_840, 0, 0, 120, 125)
    assert minute.sent == StreamQuality(3_000, 0, 0, 0, 1, 250)
    assert minute.rtt_us == 20_000
    # 30 of 3,000 in this minute, though it is 120 since the beginning.
    assert minute.mos == mos(20_000, 250, 0.01)


def test_a_whole_call_has_everything_and_is_judged_by_its_worse_way() -> None:  # EDGE X6
    total = side_quality(BEFORE)
    assert total.received.rtp_packets == 3_000
    assert total.mos == mos(20_000, 250, 90 / 3_090)
    deaf = side_quality(BEFORE._replace(lost=0, peer_lost=290))
    assert deaf.mos == mos(20_000, 250, 0.1)


def test_silence_has_no_score_and_no_jitter() -> None:  # EDGE X6
    silent = side_quality(LegStatistics())
    assert (silent.mos, silent.received.jitter_us, silent.received.packets_lost) == (None, None, 0)
    assert (silent.sent.packets_lost, silent.sent.jitter_us) == (None, None)
    assert side_quality(BEFORE, BEFORE).mos is None


def test_losses_that_turn_out_to_be_late_do_not_raise_the_score() -> None:  # EDGE X5
    after = BEFORE._replace(packets=3_100, lost=80)
    assert side_quality(after, BEFORE).mos == mos(20_000, 250, 0.0)


@given(*[st.integers(0, 2**24) for _ in range(6)])
def test_any_figures_make_a_score(
    packets: int, sent: int, lost: int, peer_lost: int, jitter_us: int, rtt_us: int
) -> None:
    leg = LegStatistics(
        packets=packets,
        sent_packets=sent,
        lost=lost,
        peer_lost=peer_lost,
        jitter_us=min(jitter_us, 10**6),
        rtt_us=rtt_us,
    )
    score = side_quality(leg).mos
    assert (score is None) == (packets == sent == 0)
    assert score is None or 1.0 <= score <= 4.4
