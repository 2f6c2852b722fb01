"""What a media worker decides about packets (EDGE Q4-Q6, S13, SD5, V1, V2, 3.4)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Address
from edge.media.latch import Effect
from edge.media.relaying import UNVERIFIED_PACKETS, UNVERIFIED_S, MediaLeg
from edge.media.session import Direction, LegMedia, PayloadTypes
from edge.media.srtp_leg import SrtpRules
from tests.media.packets import receiver_report, report_block, rtp, sender_report

PHONE: Address = ("203.0.113.9", 4000)
PHONE_RTCP: Address = ("203.0.113.9", 4001)
STRANGER: Address = ("192.0.2.66", 4000)
NOW = 1000.0
RULES = SrtpRules()
MEDIA = LegMedia(
    remote=PHONE,
    remote_rtcp=PHONE_RTCP,
    sources=("203.0.113.9",),
    expects=PayloadTypes(0, 101),
    peer_expects=PayloadTypes(0, 101),
)
EVENT = b"\x05\x0a\x00\xa0"


def leg(media: LegMedia = MEDIA, packets_per_second: int = 120) -> MediaLeg:
    made = MediaLeg(packets_per_second, RULES, NOW)
    made.describe(media, NOW)
    return made


def latched(media: LegMedia = MEDIA) -> MediaLeg:
    made = leg(media)
    for sequence in (1, 2, 3):
        made.on_rtp(rtp(sequence, payload_type=media.expects.pcmu or 0), PHONE, NOW)
    assert made.is_latched
    return made


def test_nothing_is_taken_before_the_leg_was_described() -> None:
    fresh = MediaLeg(120, RULES, NOW)
    judgement = fresh.on_rtp(rtp(1), PHONE, NOW)
    assert judgement == (Effect.DROP_FOREIGN, None)
    assert fresh.statistics(leg()).foreign == 1


def test_packets_of_accepted_sources_are_relayed_from_the_first_and_the_third_latches() -> None:
    it = leg()
    judgements = [it.on_rtp(rtp(number), PHONE, NOW) for number in (1, 2, 3, 4)]
    assert [judgement.effect for judgement in judgements] == [
        *(Effect.RELAY, Effect.RELAY, Effect.LATCH, Effect.RELAY)
    ]
    assert [judgement.packet for judgement in judgements] == [
        rtp(number) for number in (1, 2, 3, 4)
    ]


# (name, reason, packet)                                                                  EDGE Q6
DROPS = [
    ("no RTP", "malformed", b"\0" * 172),
    ("short", "malformed", rtp(4)[:11]),
    ("long", "malformed", rtp(4, payload=bytes(1500))),
    ("comfort noise", "unexpected", rtp(4, payload_type=13)),  # EDGE V2
    ("PCMA", "unexpected", rtp(4, payload_type=8)),
    (
        "event that is no digit",
        "unexpected",
        rtp(4, payload_type=101, payload=b"\x10\x0a\x00\xa0"),
    ),  # EDGE V1
    ("cut event", "unexpected", rtp(4, payload_type=101, payload=b"\x01")),
    ("more than 60 ms", "unexpected", rtp(4, payload=bytes(481))),  # EDGE SD6
    ("more than 60 ms behind a CSRC", "unexpected", b"\x81" + rtp(4, payload=bytes(4 + 481))[1:]),
]


@pytest.mark.parametrize(
    ("reason", "data"), [row[1:] for row in DROPS], ids=[row[0] for row in DROPS]
)
def test_what_was_not_negotiated_is_dropped_and_counted(reason: str, data: bytes) -> None:
    it = latched()
    assert it.on_rtp(data, PHONE, NOW) == (Effect.DROP, None)
    assert it.statistics(leg()).dropped == {reason: 1}
    assert it.on_rtp(data, STRANGER, NOW).effect is Effect.DROP_FOREIGN
    assert it.statistics(leg()).dropped == {reason: 1, "foreign": 1}


@pytest.mark.parametrize("octets", [0, 80, 160, 240, 320, 480])
def test_packets_of_up_to_60_ms_pass_as_they_are(octets: int) -> None:  # EDGE SD6
    it = latched()
    for packet in (rtp(4, payload=bytes(octets)), b"\x81" + rtp(5, payload=bytes(4 + octets))[1:]):
        assert it.on_rtp(packet, PHONE, NOW).packet == packet


def test_malformed_packets_never_latch() -> None:
    it = leg()
    for sequence in range(9):
        it.on_rtp(rtp(sequence, payload_type=13), PHONE, NOW)
    assert not it.is_latched and it.latch.heard_from is None


@pytest.mark.parametrize("packets", [119, 120, 121])
def test_the_rate_is_capped_per_second(packets: int) -> None:  # EDGE Q6
    it = leg()
    relayed = [it.on_rtp(rtp(number), PHONE, NOW).packet for number in range(packets)]
    assert len([packet for packet in relayed if packet]) == min(packets, 120)
    assert it.statistics(leg()).over_rate == max(0, packets - 120)
    it.begin_second()
    assert it.on_rtp(rtp(packets), PHONE, NOW + 1).packet


def test_one_spoofed_ssrc_is_not_relayed_and_does_not_move_the_stream() -> None:
    it = latched()
    assert not it.on_rtp(rtp(900, ssrc=66), PHONE, NOW).packet
    assert it.on_rtp(rtp(4), PHONE, NOW).packet
    assert it.reception.ssrc == 7


def test_a_moved_address_opens_the_latch_and_any_other_change_does_not() -> None:  # EDGE Q5
    it = latched()
    assert it.describe(MEDIA._replace(direction=Direction.SENDONLY), NOW) is Effect.NOTHING
    assert it.is_latched
    moved = MEDIA._replace(remote=("198.51.100.7", 9000), sources=("198.51.100.7",), moves=1)
    assert it.describe(moved, NOW) is Effect.RELEASE
    assert it.on_rtp(rtp(4), PHONE, NOW).effect is Effect.DROP_FOREIGN


def test_a_hold_without_an_address_keeps_the_latch() -> None:  # EDGE D8
    it = latched()
    held = MEDIA._replace(remote=None, sources=(), direction=Direction.SENDONLY)
    assert it.describe(held, NOW) is Effect.NOTHING
    assert it.is_latched and it.on_rtp(rtp(4), PHONE, NOW).packet
    assert it.describe(MEDIA, NOW) is Effect.NOTHING
    it.describe(held, NOW)
    elsewhere = MEDIA._replace(remote=("203.0.113.9", 9000), moves=1)
    assert it.describe(elsewhere, NOW) is Effect.RELEASE


def test_a_move_to_an_address_that_is_not_permitted_opens_the_latch() -> None:  # EDGE S11, Q5
    it = latched()
    behind_nat = MEDIA._replace(remote=None, remote_rtcp=None, sources=("203.0.113.1",), moves=1)
    assert it.describe(behind_nat, NOW) is Effect.RELEASE
    assert it.rtp_target(NOW) is None
    assert it.on_rtp(rtp(1, ssrc=8), PHONE, NOW).effect is Effect.DROP_FOREIGN
    public = ("203.0.113.1", 40_000)
    for number in range(1, 4):
        it.on_rtp(rtp(number, ssrc=8), public, NOW)
    assert it.is_latched and it.rtp_target(NOW) == public


def test_the_address_in_the_sdp_is_an_accepted_source() -> None:  # EDGE Q4
    it = leg(MEDIA._replace(sources=()))
    assert it.on_rtp(rtp(1), ("203.0.113.9", 55555), NOW).packet


# (what arrives, numbers expected here, numbers of the peer across, what leaves)          EDGE SD5
MAPPINGS = [
    (rtp(9), PayloadTypes(0, 101), PayloadTypes(0, 101), rtp(9)),
    (rtp(9), PayloadTypes(0, 101), PayloadTypes(96, 97), rtp(9, payload_type=96)),
    (rtp(9, payload_type=96), PayloadTypes(96, None), PayloadTypes(0, None), rtp(9)),
    (
        rtp(9, payload_type=101, marker=True, payload=EVENT),
        PayloadTypes(0, 101),
        PayloadTypes(0, 110),
        rtp(9, payload_type=110, marker=True, payload=EVENT),
    ),
    (
        rtp(9, payload_type=101, payload=EVENT),
        PayloadTypes(0, 101),
        PayloadTypes(96, 101),
        rtp(9, payload_type=101, payload=EVENT),
    ),
    (rtp(9, payload_type=101, payload=EVENT), PayloadTypes(0, 101), PayloadTypes(0, None), None),
    (
        rtp(9, payload_type=9),
        PayloadTypes(0, 101, 9),
        PayloadTypes(0, 101, 9),
        rtp(9, payload_type=9),
    ),
    (
        rtp(9, payload_type=9),
        PayloadTypes(None, 101, 9),
        PayloadTypes(None, 101, 99),
        rtp(9, payload_type=99),
    ),
    (rtp(9, payload_type=9), PayloadTypes(0, 101, 9), PayloadTypes(0, 101), None),
    (rtp(9), PayloadTypes(0, 101, 9), PayloadTypes(None, 101, 9), None),
]


@pytest.mark.parametrize(("arrives", "here", "across", "leaves"), MAPPINGS)
def test_payload_types_are_mapped_per_leg(
    arrives: bytes, here: PayloadTypes, across: PayloadTypes, leaves: bytes | None
) -> None:
    it = leg(MEDIA._replace(expects=here))
    other = leg(MEDIA._replace(peer_expects=across))
    assert it.translated(arrives, other) == leaves


def test_a_switched_source_goes_on_under_the_old_ssrc_with_one_marker() -> None:  # EDGE SD5
    it, other = latched(), latched()
    for sequence in (500, 501, 502):
        it.on_rtp(rtp(sequence, ssrc=8), PHONE, NOW)
    assert not it.goes_straight_to(other), "a marker is owed"
    first = it.translated(rtp(501, ssrc=8), other)
    second = it.translated(rtp(502, ssrc=8), other)
    assert first is not None and second is not None
    assert first[1] == 0x80 and second[1] == 0, "the marker is set once"
    assert first[2:4] == b"\0\4" and second[2:4] == b"\0\5"
    assert first[8:12] == second[8:12] == b"\0\0\0\7"
    assert it.goes_straight_to(other)


@given(
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(-30, 60), max_size=60),
)
def test_loss_disorder_and_wraps_pass_as_they_came(
    start: int, timestamp: int, steps: list[int]
) -> None:  # EDGE SD5
    it, other = leg(packets_per_second=1_000), latched()
    position, highest = start, start
    sent = 0
    for step in [0, *steps]:
        position = max(position + step, start, highest - 90)
        highest = max(highest, position)
        packet = rtp(position, timestamp=timestamp + 160 * position)
        passed = it.on_rtp(packet, PHONE, NOW).packet
        assert passed == packet and it.translated(passed, other) == packet
        sent += 1
    assert it.reception.packets == sent
    assert it.reception.lost == max(0, highest - start + 1 - sent)


@pytest.mark.parametrize(("ours", "theirs"), list(product(Direction, Direction)))
def test_directions_decide_what_is_forwarded(ours: Direction, theirs: Direction) -> None:
    it = latched(MEDIA._replace(direction=ours))
    other = latched(MEDIA._replace(direction=theirs))
    assert it.forwards_to(other) is (ours.sends and theirs.receives)
    assert it.goes_straight_to(other) is it.forwards_to(other)


WIDEBAND = MEDIA._replace(expects=PayloadTypes(0, 101, 9), peer_expects=PayloadTypes(0, 101, 9))


def test_either_codec_of_a_meeting_takes_the_plain_way_once_it_flows() -> None:  # EDGE M1
    it, other = latched(WIDEBAND), latched(WIDEBAND)
    flowing = [it.audio_type]
    for number, payload_type in enumerate((9, 101, 9, 0), start=4):
        packet = rtp(number, payload_type=payload_type, payload=EVENT)
        assert it.on_rtp(packet, PHONE, NOW).packet == packet
        flowing.append(it.audio_type)
        assert it.audio_number_at(other) == it.audio_type
    assert flowing == [0, 9, 9, 9, 0]
    it.on_rtp(rtp(8, payload_type=9), PHONE, NOW)
    assert it.audio_number_at(latched(MEDIA)) is None, "who has no G.722 gets none"


def test_a_codec_that_is_not_agreed_on_any_more_is_not_waited_for() -> None:
    it = latched(WIDEBAND)
    it.on_rtp(rtp(4, payload_type=9), PHONE, NOW)
    it.describe(MEDIA, NOW)
    assert it.audio_type == 0
    assert it.on_rtp(rtp(5, payload_type=9), PHONE, NOW) == (Effect.DROP, None)
    it.describe(MEDIA._replace(expects=PayloadTypes(None, None, 9)), NOW)
    assert it.audio_type == 9


def test_only_packets_for_a_latched_leg_go_straight() -> None:
    assert latched().goes_straight_to(latched())
    assert not latched().goes_straight_to(leg())


@pytest.mark.parametrize("verified", [False, True])
def test_an_unverified_address_gets_little(verified: bool) -> None:  # EDGE S13
    it = leg(MEDIA._replace(verified=verified))
    sent = [it.rtp_target(NOW + number / 1000) for number in range(UNVERIFIED_PACKETS + 1)]
    assert sent[:-1] == [PHONE] * UNVERIFIED_PACKETS
    assert (sent[-1] == PHONE) is verified


@pytest.mark.parametrize(("after_s", "sends"), [(UNVERIFIED_S - 0.01, True), (UNVERIFIED_S, False)])
def test_an_unverified_address_gets_it_for_a_short_time(after_s: float, sends: bool) -> None:
    it = leg()
    assert it.rtp_target(NOW) == PHONE
    assert (it.rtp_target(NOW + after_s) is not None) is sends


def test_rtcp_counts_against_the_same_allowance() -> None:
    it = leg()
    for _ in range(UNVERIFIED_PACKETS):
        assert it.rtcp_target(NOW) == PHONE_RTCP
    assert it.rtp_target(NOW) is None


def test_a_new_address_has_a_new_allowance_and_no_address_gets_nothing() -> None:
    it = leg()
    while it.rtp_target(NOW) is not None:
        pass
    it.describe(MEDIA._replace(remote=("203.0.113.9", 9000), moves=1), NOW)
    assert it.rtp_target(NOW) == ("203.0.113.9", 9000)
    assert leg(MEDIA._replace(remote=None)).rtp_target(NOW) is None


def test_once_heard_the_source_is_the_target_and_once_latched_without_limit() -> None:  # EDGE Q4
    it = leg()
    nat = ("203.0.113.9", 61000)
    it.on_rtp(rtp(1), nat, NOW)
    assert it.rtp_target(NOW) == nat
    for sequence in (2, 3):
        it.on_rtp(rtp(sequence), nat, NOW)
    it.latch.on_silence(7)
    assert it.rtp_target(NOW + 3600) == nat


def test_rtcp_comes_from_the_address_of_the_rtp_and_keeps_its_port() -> None:  # EDGE Q6
    it = latched()
    assert it.on_rtcp(receiver_report(), PHONE_RTCP, NOW) == receiver_report()
    assert it.rtcp_target(NOW) == PHONE_RTCP
    assert it.on_rtcp(receiver_report(), STRANGER, NOW) == b""
    assert it.on_rtcp(receiver_report(), ("203.0.113.9", 7777), NOW + 1) == b""
    assert it.on_rtcp(receiver_report(), ("203.0.113.9", 7777), NOW + 2) == receiver_report()
    assert it.rtcp_target(NOW) == ("203.0.113.9", 7777)
    assert it.on_rtcp(b"\x80\xc9", ("203.0.113.9", 7777), NOW + 2) == b""
    statistics = it.statistics(leg())
    assert (statistics.rtcp_packets, statistics.foreign, statistics.malformed) == (2, 2, 1)


def test_rtcp_before_any_rtp_comes_from_the_address_in_the_sdp() -> None:
    assert leg().on_rtcp(receiver_report(), PHONE_RTCP, NOW) == receiver_report()
    assert leg(MEDIA._replace(remote=None)).on_rtcp(receiver_report(), PHONE_RTCP, NOW) == b""


def test_rtcp_is_capped_too() -> None:
    it = leg(packets_per_second=3)
    passed = [it.on_rtcp(receiver_report(), PHONE_RTCP, NOW) for _ in range(4)]
    assert passed == [receiver_report()] * 3 + [b""]
    assert it.statistics(leg()).dropped == {"over_rate": 1}
    it.begin_second()
    assert it.on_rtcp(receiver_report(), PHONE_RTCP, NOW + 1) == receiver_report()


def test_the_last_packet_is_rtp_or_rtcp_whichever_is_later() -> None:
    it = leg()
    times = [it.last_at]
    it.on_rtcp(receiver_report(), PHONE_RTCP, NOW + 1)
    times.append(it.last_at)
    it.on_rtp(rtp(1), PHONE, NOW + 2)
    times.append(it.last_at)
    it.on_rtcp(receiver_report(), PHONE_RTCP, NOW + 3)
    times.append(it.last_at)
    assert times == [None, NOW + 1, NOW + 2, NOW + 3]


def test_only_blocks_about_the_stream_that_the_peer_gets_are_its_reports() -> None:  # EDGE X5
    it, across = latched(), latched()
    mine, foreign = report_block(7, lost=5, jitter=80), report_block(99, lost=50)
    for blocks in ((foreign,), (foreign, mine)):
        it.on_rtcp(receiver_report(1, *blocks), PHONE_RTCP, NOW, shown_ssrc=across.shown_ssrc)
    statistics = it.statistics(across)
    assert (statistics.peer_lost, statistics.peer_jitter_us) == (5, 10_000)
    assert statistics.rtcp_bytes == 32 + 56


def test_reports_of_strangers_tell_nothing() -> None:  # EDGE X5, Q6
    it, across = latched(), latched()
    lie = receiver_report(1, report_block(7, lost=5))
    it.on_rtcp(lie, STRANGER, NOW, shown_ssrc=across.shown_ssrc)
    assert it.statistics(across).peer_lost is None


def test_after_a_switch_of_sources_the_peer_reports_on_the_first_one() -> None:  # EDGE SD5, X5
    across = latched()
    assert across.shown_ssrc == 7
    for sequence in (500, 501):
        across.on_rtp(rtp(sequence, ssrc=8), PHONE, NOW + 0.1)
    assert (across.reception.ssrc, across.shown_ssrc) == (8, 7)


def test_a_round_trip_is_measured_by_the_far_ends_reports() -> None:  # EDGE X5
    it, across = latched(), latched()
    it.account.rtcp_went(sender_report(8, ntp=0x0000_1234_5678_0000), NOW)
    answer = receiver_report(1, report_block(7, last_report=0x12345678, delay=65_536))
    it.on_rtcp(answer, PHONE_RTCP, NOW + 1.04, shown_ssrc=across.shown_ssrc)
    assert it.statistics(across).rtt_us == 40_000


def test_what_is_sent_is_what_came_across_less_what_was_withheld() -> None:  # EDGE X2
    it, across = latched(), latched()
    event = rtp(4, payload_type=101, payload=EVENT)
    across.on_rtp(event, PHONE, NOW)
    across.account.withheld(event)
    it.account.fed(rtp(1))
    statistics = it.statistics(across)
    assert statistics.sent_packets == 3 + 1
    assert statistics.sent_bytes == 4 * 172
