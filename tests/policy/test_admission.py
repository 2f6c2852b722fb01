"""EDGE 2.1 and 2.2, row by row."""

from dataclasses import replace

import pytest

from edge.config import Snapshot
from edge.flow import Transport
from edge.media.srtp_keys import Suite
from edge.media.terms import Encryption, Terms
from edge.policy.verdict import AdmitCall, AnswerOptions, Refuse, Silence, Verdict
from edge.sip.message import Request, parse_datagram
from edge.sip.writing import response_bytes
from model.cdr import CallStatus, Disposition
from model.settings import AdmissionSettings, CallerIdPolicy, Carrier, SettingsError, SrtpSettings
from model.srtp import SrtpSuite
from tests.policy.world import (
    CALLER,
    CARRIER,
    CONNECTOR_ID,
    DIALED,
    EDGE,
    HOST,
    OFFER,
    OTHER_HOST,
    OTHER_PBX,
    OWNED,
    PBX,
    SETTINGS,
    STRANGER,
    World,
    connector,
    datagram,
    inventory,
    with_termination,
)
from tests.support.sdp import crypto

INBOUND = f"sip:{OWNED}@198.51.100.10"
SAVP = OFFER.replace(b"RTP/AVP", b"RTP/SAVP")
MULTIPART = (
    b"--x\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n"
    b"--x\r\nContent-Type: application/sdp\r\n\r\n" + OFFER + b"\r\n--x--\r\n"
)


def refused(verdict: Verdict) -> Refuse:
    assert isinstance(verdict, Refuse), verdict
    return verdict


def admitted(verdict: Verdict) -> AdmitCall:
    assert isinstance(verdict, AdmitCall), verdict
    return verdict


def dialing(number: str) -> bytes:
    return datagram(uri=f"sip:{number}@{HOST}")


def calling_as(user: str, *fields: str) -> bytes:
    return datagram(from_=f"<sip:{user}@192.0.2.7>;tag=a", fields=fields)


def test_an_ordinary_call_is_admitted() -> None:
    verdict = admitted(World().judge(datagram()))
    assert verdict.disposition is Disposition.TERMINATION
    assert verdict.connector.connector_id == CONNECTOR_ID
    assert (verdict.from_number, verdict.to_number) == (CALLER, DIALED)
    assert verdict.carrier is None
    assert verdict.auth_user is None
    assert not verdict.anonymous
    assert verdict.offer is not None
    assert verdict.offer.rtp == ("192.0.2.7", 20000)


def test_an_invite_without_a_body_is_a_late_offer() -> None:  # EDGE A1
    assert admitted(World().judge(datagram(body=b""))).offer is None


def test_one_level_of_escapes_in_the_dialed_number_is_undone() -> None:  # EDGE O1
    assert admitted(World().judge(dialing("%2B13125550142"))).to_number == DIALED
    assert refused(World().judge(dialing("%252B13125550142"))).status == 403


REFUSALS = [
    ("R1 REGISTER", datagram("REGISTER"), 405, "Method Not Allowed"),
    ("R1 MESSAGE", datagram("MESSAGE"), 405, "Method Not Allowed"),
    ("R1 PRACK in a dialog", datagram("PRACK", to="<sip:x@y>;tag=b"), 405, "Method Not Allowed"),
    ("R2", datagram("FROBNICATE"), 501, "Not Implemented"),
    ("R3 no plus", dialing("13125550142"), 403, "Forbidden"),
    ("R3 letters", dialing("+1312555CALL"), 403, "Forbidden"),
    ("R3 invalid", dialing("+13125"), 403, "Forbidden"),
    ("R3 no user", datagram(uri=f"sip:{HOST}"), 403, "Forbidden"),
    ("R4", calling_as("+14430000000"), 403, "Caller Id +14430000000 is not valid"),
    ("R4 filtered", calling_as("a%20%22b%0d%0a"), 403, "Caller Id ab is not valid"),
    ("R5", dialing("+4930123456"), 403, "Forbidden"),
    ("R5 S6 Jamaica is not the US", dialing("+18765551234"), 403, "Forbidden"),
    ("R6", dialing("+80012345678"), 403, "Forbidden"),
    ("S6 premium", dialing("+19005551234"), 403, "Forbidden"),
    ("R8", datagram(uri=f"sip:{DIALED}@nobody.voiceconnector.example.net"), 404, "Not Found"),
    ("R9 INVITE", datagram(uri=f"sip:{DIALED}@198.51.100.10"), 404, "Not Found"),
    ("R13", datagram(body=SAVP), 488, "Not Acceptable Here"),
    ("R17", datagram(body=OFFER.replace(b"AVP 0 101", b"AVP 8 101")), 488, "Not Acceptable Here"),
    ("R18 CSeq", datagram(fields=("CSeq: x INVITE",)), 400, "Bad CSeq"),
    ("R18 SDP", datagram(body=b"hello\r\n"), 400, "Bad Request"),
    ("R18 PAI", datagram(fields=('P-Asserted-Identity: "a <sip:b@c>',)), 400,
     "Bad P-Asserted-Identity"),
    ("R19", datagram().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505, "Version Not Supported"),
    ("R20", datagram(body=b"hello", kind="text/plain"), 415, "Unsupported Media Type"),
    ("R20 no type", datagram(kind=None), 415, "Unsupported Media Type"),
    ("R20 encoding", datagram(fields=("Content-Encoding: gzip",)), 415, "Unsupported Media Type"),
    ("R20 multipart without SDP",
     datagram(body=MULTIPART.replace(b"/sdp", b"/xyz"), kind="multipart/mixed;boundary=x"),
     415, "Unsupported Media Type"),
    ("R20 multipart without boundary",
     datagram(body=MULTIPART, kind="multipart/mixed"), 415, "Unsupported Media Type"),
    ("R22 malformed", datagram(fields=("Require: a b",)), 400, "Bad Require"),
    ("R21", datagram(fields=("Accept: text/plain",)), 406, "Not Acceptable"),
    ("R22", datagram(fields=("Require: timer, gruu", "Proxy-Require: sec")), 420, "Bad Extension"),
    ("R23 INVITE", datagram(to="<sip:x@y>;tag=b"), 481, "Call/Transaction Does Not Exist"),
    ("R23 BYE", datagram("BYE", to="<sip:x@y>;tag=b"), 481, "Call/Transaction Does Not Exist"),
    ("R23 OPTIONS", datagram("OPTIONS", to="<sip:x@y>;tag=b"), 481,
     "Call/Transaction Does Not Exist"),
    ("E2 CANCEL", datagram("CANCEL"), 481, "Call/Transaction Does Not Exist"),
    ("R24 body", datagram(body=OFFER + b"a=x\r\n" * 4000), 513, "Message Too Large"),
    ("R25", dialing("+1" * 300), 414, "Request-URI Too Long"),
    ("R26 tel", datagram(uri="tel:+13125550142"), 416, "Unsupported URI Scheme"),
    ("R26 sips on UDP", datagram(uri=f"sips:{DIALED}@{HOST}"), 416, "Unsupported URI Scheme"),
    ("R27 came through us",
     datagram(fields=("Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKtwo",)), 482,
     "Loop Detected"),
    ("R28", datagram(fields=("Max-Forwards: 0",)), 483, "Too Many Hops"),
    ("R29", datagram(fields=("k: 100rel, timer", "x: 89;refresher=uac")), 422,
     "Session Interval Too Small"),
    ("R37", dialing("911"), 403, "Forbidden"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "status", "reason"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_listed_source_hears_what_is_wrong(data: bytes, status: int, reason: str) -> None:
    verdict = refused(World().judge(data))
    assert (verdict.status, verdict.reason) == (status, reason)
    assert not verdict.stateless
    assert verdict.hint
    assert verdict.hint.isprintable()


def test_only_calls_that_passed_the_source_check_leave_a_record() -> None:  # EDGE C7
    without = {"R1", "R2", "R8", "R9", "R19", "R23", "R24", "R25", "R26", "R27", "R28", "E2"}
    for name, data, _, _ in REFUSALS:
        due = refused(World().judge(data)).record
        if name.split(" ")[0] in without or name in ("R18 CSeq",):
            assert due is None, name
        else:
            assert due is not None, name
            assert due.status is CallStatus.REJECTED


FIELDS = [
    ("R1", datagram("REGISTER"), ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")),
    ("R2", datagram("FROBNICATE"), ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")),
    ("R3", dialing("911"), ("Warning", f'399 {HOST} "Dialed number not valid"')),
    ("R5", dialing("+4930123456"), ("Warning", f'399 {HOST} "Calling region not permitted"')),
    ("R20", datagram(body=b"hello", kind="text/plain"), ("Accept", "application/sdp")),
    ("R20 encoding", datagram(fields=("Content-Encoding: gzip",)), ("Accept-Encoding", "identity")),
    ("R22", datagram(fields=("Require: timer, gruu", "Proxy-Require: sec")),
     ("Unsupported", "gruu, sec")),
    ("R29", datagram(fields=("Supported: timer", "Session-Expires: 89")), ("Min-SE", "90")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "field"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS]
)
def test_a_refusal_carries_what_the_table_asks_for(data: bytes, field: tuple[str, str]) -> None:
    assert field in refused(World().judge(data)).fields


def test_a_warning_names_the_connector_and_never_an_address() -> None:  # EDGE R17, 2.2
    data = datagram(body=OFFER.replace(b"AVP 0 101", b"AVP 8 101"))
    ((name, value),) = refused(World().judge(data)).fields
    assert name == "Warning"
    assert value.startswith(f"305 {HOST} ")
    data = datagram(uri=INBOUND, body=OFFER.replace(b"AVP 0 101", b"AVP 8 101"))
    ((_, value),) = refused(World().judge(data, CARRIER)).fields
    assert value.startswith("305 voiceconnector.example.net ")


MESSAGES = [
    ("403 Dialed number not valid", dialing("911")),
    ("403 Calling region not permitted", dialing("+4930123456")),
    ("403 Caller Id alice is not valid", calling_as("alice")),
    ("420 Required extension not supported", datagram(fields=("Require: 100rel",))),
]


@pytest.mark.parametrize(("message", "data"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_the_record_says_why(message: str, data: bytes) -> None:  # EDGE 6.3
    due = refused(World().judge(data)).record
    assert due is not None
    assert due.status_message == message
    assert due.disposition is Disposition.TERMINATION


def test_the_record_of_a_refused_call_has_the_numbers_as_given() -> None:  # EDGE C2
    due = refused(World().judge(calling_as("alice"))).record
    assert due is not None
    assert (due.from_number, due.to_number, due.auth_user) == ("alice", DIALED, None)


ORDER = [
    ("4 before 5", datagram("REGISTER", uri="tel:1"), 405),
    ("5 before 6", datagram(uri="tel:1", to="<sip:x@y>;tag=b"), 416),
    ("6 before 8", datagram(to="<sip:x@y>;tag=b", fields=("Max-Forwards: 0",)), 481),
    ("8 before 9", datagram(uri=f"sip:{DIALED}@nobody", fields=("Max-Forwards: 0",)), 483),
    ("15 before 16", datagram(kind="text/plain", fields=("Require: x",)), 420),
    ("16 before 18", datagram(uri=f"sip:911@{HOST}", kind="text/plain"), 415),
    ("18 before 22", datagram(uri=f"sip:911@{HOST}", body=SAVP), 403),
]


@pytest.mark.parametrize(
    ("data", "status"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER]
)
def test_the_first_failing_check_decides(data: bytes, status: int) -> None:  # EDGE 2.1
    assert refused(World().judge(data)).status == status


def test_a_merged_request_is_refused_without_record() -> None:  # EDGE R27, L1
    world = World()
    world.calls.merged = True
    verdict = refused(world.judge(datagram()))
    assert (verdict.status, verdict.record) == (482, None)


def test_the_sixth_turn_of_a_loop_is_refused() -> None:  # EDGE L2
    world = World()
    world.calls.turns = 5
    admitted(world.judge(datagram()))
    world.calls.turns = 6
    verdict = refused(world.judge(datagram()))
    assert verdict.status == 482
    assert verdict.record is not None
    assert verdict.record.status_message == "482 Call loop"


def test_a_multipart_body_gives_its_sdp() -> None:  # EDGE R20
    data = datagram(body=MULTIPART, kind='multipart/mixed; boundary="x"')
    assert admitted(World().judge(data)).offer is not None


def test_an_optional_body_of_another_kind_is_ignored() -> None:  # EDGE R20
    field = "Content-Disposition: render;handling=optional"
    data = datagram(body=b"hello", kind="text/plain", fields=(field,))
    assert admitted(World().judge(data)).offer is None


def test_a_part_without_type_is_passed_over() -> None:  # EDGE R20
    body = MULTIPART.replace(b"Content-Type: application/isup", b"X: y")
    data = datagram(body=body, kind="multipart/mixed;boundary=x")
    assert admitted(World().judge(data)).offer is not None


def test_an_empty_require_asks_for_nothing() -> None:  # EDGE R22
    admitted(World().judge(datagram(fields=("Require:",))))


@pytest.mark.parametrize("accept", ["application/sdp", "text/plain, */*", "application/*;q=0.5"])
def test_an_accept_that_holds_sdp_is_no_obstacle(accept: str) -> None:  # EDGE R21
    admitted(World().judge(datagram(fields=(f"Accept: {accept}",))))


def test_options_needs_no_hop() -> None:  # EDGE B4
    data = datagram("OPTIONS", fields=("Max-Forwards: 0",))
    assert isinstance(World().judge(data), AnswerOptions)


def test_sips_is_welcome_on_tls() -> None:  # EDGE R26
    admitted(World().judge(datagram(uri=f"sips:{DIALED}@{HOST}"), over=Transport.TLS))


@pytest.mark.parametrize("state", ["none", "disabled"])
def test_a_connector_that_may_not_call_out_says_so(state: str) -> None:  # EDGE R10
    usual = with_termination(disabled=True)
    off = usual if state == "disabled" else replace(usual, termination=None)
    # Another connector lists the same PBX, so that the source is known at all.
    other = connector("x" * 22)
    verdict = refused(World(off, other).judge(datagram()))
    assert (verdict.status, verdict.record) == (403, None)
    assert ("Warning", f'399 {HOST} "Termination disabled"') in verdict.fields


def test_an_encrypting_connector_wants_tls() -> None:  # EDGE R11
    world = World(replace(connector(), require_encryption=True))
    verdict = refused(world.judge(datagram()))
    assert (verdict.status, verdict.reason) == (403, "TLS Required")
    assert verdict.record is not None
    assert verdict.record.status_message == "403 TLS Required"


ENCRYPTING = replace(connector(), require_encryption=True)
KEYS = SAVP + f"a=crypto:{crypto()}\r\n".encode()
KEYS_IN_PLAIN = OFFER + f"a=crypto:{crypto()}\r\n".encode()

# (name, whether the connector requires encryption, transport, body, Warning)
OFFERS = [
    ("R12 plain offer", True, Transport.TLS, OFFER, '302 {} "Encrypted media required"'),
    ("K15 keys in a plain one", True, Transport.TLS, KEYS_IN_PLAIN, '302 {} "Encrypted media req'),
    ("R12 no keys", True, Transport.TLS, SAVP, '306 {} "No usable a=crypto line"'),
    ("R12 encrypted", True, Transport.TLS, KEYS, None),
    ("R12 A1 late offer", True, Transport.TLS, b"", None),
    ("R13 over TLS", False, Transport.TLS, KEYS, None),
    ("R13 K15 no keys", False, Transport.TLS, SAVP, '306 {} "No usable a=crypto line"'),
    ("R13 over UDP", False, Transport.UDP, KEYS, '302 {} "Encrypted media needs TLS"'),
    ("R13 over TCP", False, Transport.TCP, KEYS, '302 {} "Encrypted media needs TLS"'),
    ("K15 keys in a plain one, ignored", False, Transport.TLS, KEYS_IN_PLAIN, None),
]


@pytest.mark.parametrize(
    ("required", "over", "body", "warning"),
    [row[1:] for row in OFFERS],
    ids=[it[0] for it in OFFERS],
)
def test_encryption_of_a_callers_media(
    required: bool, over: Transport, body: bytes, warning: str | None
) -> None:  # EDGE R12, R13, K15
    verdict = World(replace(connector(), require_encryption=required)).judge(
        datagram(body=body), over=over
    )
    if warning is None:
        offer = admitted(verdict).offer
        assert (offer is not None and bool(offer.crypto)) == (body == KEYS)
        return
    refusal = refused(verdict)
    assert (refusal.status, refusal.reason) == (488, "Not Acceptable Here")
    (value,) = [value for name, value in refusal.fields if name == "Warning"]
    assert value.startswith(warning.format(HOST))
    assert refusal.record is not None
    assert refusal.record.status_message == f"488 {refusal.text}"
    assert "inline" not in refusal.hint + refusal.text  # EDGE S14


def test_keys_in_a_plain_offer_are_used_where_the_operator_wants_it() -> None:  # EDGE K15
    settings = replace(SETTINGS, srtp=SrtpSettings(optional=True))
    for over, is_used in ((Transport.TLS, True), (Transport.UDP, False)):
        verdict = admitted(World(settings=settings).judge(datagram(body=KEYS_IN_PLAIN), over=over))
        assert verdict.offer is not None and bool(verdict.offer.crypto) is is_used
    strict = World(ENCRYPTING, settings=settings)
    assert refused(strict.judge(datagram(body=KEYS_IN_PLAIN), over=Transport.TLS)).status == 488


def test_a_suite_that_the_operator_left_out_is_not_taken() -> None:  # EDGE K9, R12
    settings = replace(SETTINGS, srtp=SrtpSettings(suites=(SrtpSuite.AES_256_80,)))
    verdict = refused(World(settings=settings).judge(datagram(body=KEYS), over=Transport.TLS))
    assert verdict.text == "No usable a=crypto line"
    assert "the suites are AES_256_CM_HMAC_SHA1_80" in verdict.hint


@pytest.mark.parametrize("over", list(Transport), ids=str)
def test_a_carriers_media_is_plain(over: Transport) -> None:  # EDGE K16
    inbound = datagram(uri=f"sip:{OWNED}@{EDGE[0]}", body=KEYS)
    assert refused(World(ENCRYPTING).judge(inbound, CARRIER, over=over)).status == 488
    plain = datagram(uri=f"sip:{OWNED}@{EDGE[0]}")
    assert admitted(World(ENCRYPTING).judge(plain, CARRIER, over=over)).terms == TERMS


TERMS = Terms(Encryption.NEVER, frozenset(Suite))


def test_a_connector_calls_one_that_requires_encryption() -> None:  # EDGE N2, R12
    verdict = admitted(
        World(ENCRYPTING).judge(datagram(uri=f"sip:{OWNED}@{OTHER_HOST}"), OTHER_PBX)
    )
    assert [it.connector_id for it in verdict.callees] == [CONNECTOR_ID]
    assert verdict.terms == TERMS


# --- Sources ---


def test_a_stranger_that_names_a_connector_gets_a_short_refusal() -> None:  # EDGE R7
    for method in ("INVITE", "OPTIONS"):
        data = datagram(method, fields=() if method == "INVITE" else ("X-Padding: " + "a" * 90,))
        verdict = refused(World().judge(data, STRANGER))
        assert (verdict.status, verdict.fields, verdict.record) == (403, (), None)
        assert verdict.stateless
        assert "192.0.2.200/32 to CidrAllowedList" in verdict.hint
        assert CONNECTOR_ID in verdict.hint


def test_a_request_shorter_than_its_refusal_gets_none() -> None:  # EDGE S2
    via, host = "v:SIP/2.0/UDP a;branch=z9hG4bKx;rport", f"sip:{HOST}"
    short = f"OPTIONS {host} SIP/2.0\r\n{via}\r\nf:<sip:a>;tag=1\r\nt:<sip:b>\r\ni:1\r\n"
    verdict = World().judge(f"{short}CSeq:1 OPTIONS\r\n\r\n".encode(), STRANGER)
    assert isinstance(verdict, Silence)
    assert "add 192.0.2.200/32" in verdict.hint


SCANS = [
    ("R36 OPTIONS to the edge", datagram("OPTIONS", uri="sip:100@198.51.100.10")),
    ("R36 INVITE to the edge", datagram(uri="sip:100@198.51.100.10")),
    ("S5 REGISTER", datagram("REGISTER")),
    ("R23 BYE", datagram("BYE", to="<sip:x@y>;tag=b")),
    ("R23 INVITE with a To tag", datagram(to="<sip:x@y>;tag=b")),
    ("CANCEL", datagram("CANCEL")),
    ("R2 unknown method", datagram("FROBNICATE")),
    ("R26 tel", datagram(uri="tel:+13125550142")),
    ("R18 malformed", datagram(fields=("CSeq: x INVITE",))),
    ("R19 version", datagram().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1)),
    ("R25 long", datagram(uri="sip:" + "a" * 600)),
]


@pytest.mark.parametrize("data", [row[1] for row in SCANS], ids=[row[0] for row in SCANS])
def test_a_stranger_that_names_no_connector_hears_nothing(data: bytes) -> None:
    verdict = World().judge(data, STRANGER)
    assert isinstance(verdict, Silence)
    assert "192.0.2.200" in verdict.hint


def test_strangers_get_five_refusals_a_second_each_and_fifty_together() -> None:  # EDGE S2
    world = World()
    answers = [world.judge(datagram(), STRANGER) for _ in range(10)]
    assert sum(isinstance(answer, Refuse) for answer in answers) == 5
    crowd = [world.judge(datagram(), (f"192.0.2.{100 + n % 90}", 5060), 10.0) for n in range(400)]
    answered = [answer for answer in crowd if isinstance(answer, Refuse) and answer.stateless]
    assert len(answered) == 50


def test_a_pbx_of_another_connector_is_refused() -> None:  # EDGE S16, R7
    verdict = refused(World().judge(datagram(), OTHER_PBX))
    assert (verdict.status, verdict.stateless, verdict.record) == (403, True, None)
    options = datagram("OPTIONS", uri=f"sip:{OTHER_HOST}")
    assert refused(World().judge(options, PBX)).status == 403


def test_a_route_host_that_is_not_listed_is_answered_inside_dialogs_only() -> None:  # EDGE S1
    world = World()
    world.calls.legs_at = {STRANGER[0]}
    assert refused(world.judge(datagram("BYE", to="<sip:x@y>;tag=b"), STRANGER)).status == 481
    assert refused(world.judge(datagram(), STRANGER)).stateless
    assert isinstance(world.judge(datagram("REGISTER"), STRANGER), Silence)


def test_a_stranger_that_registers_is_told_apart_on_the_operator_page_only() -> None:  # EDGE S5
    verdict = World().judge(datagram("REGISTER", uri=f"sip:{HOST}"), STRANGER)
    assert isinstance(verdict, Silence)
    assert "add 192.0.2.200/32 to CidrAllowedList" in verdict.hint
    assert "no registration" in refused(World().judge(datagram("REGISTER"))).hint


def test_a_stray_ack_is_never_answered() -> None:  # EDGE R23
    for remote in (PBX, CARRIER, STRANGER):
        assert isinstance(World().judge(datagram("ACK"), remote), Silence)
    malformed = datagram("ACK", fields=("CSeq: x ACK",))
    assert isinstance(World().judge(malformed), Silence)


def test_requests_without_the_headers_of_an_answer_are_dropped() -> None:  # EDGE R18
    data = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7\r\n\r\n"
    assert isinstance(World().judge(data), Silence)


# --- OPTIONS ---


def test_options_proves_the_health_of_the_connector_it_names() -> None:  # EDGE F11
    verdict = World().judge(datagram("OPTIONS", uri=f"sip:{HOST}"))
    assert isinstance(verdict, AnswerOptions)
    assert verdict.connector is not None
    assert verdict.connector.connector_id == CONNECTOR_ID
    assert ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS") in verdict.fields
    assert ("Accept", "application/sdp") in verdict.fields
    assert ("Supported", "timer") in verdict.fields  # EDGE B6


@pytest.mark.parametrize("remote", [PBX, CARRIER])
def test_options_to_the_edge_itself_is_answered(remote: tuple[str, int]) -> None:  # EDGE R9
    verdict = World().judge(datagram("OPTIONS", uri="sip:198.51.100.10"), remote)
    assert isinstance(verdict, AnswerOptions)
    assert verdict.connector is None


# --- Drain, overload, limits ---


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_draining_node_sends_new_work_away(method: str) -> None:  # EDGE R31
    world = World()
    world.calls.is_draining = True
    verdict = refused(world.judge(datagram(method)))
    assert verdict.status == 503
    assert ("Retry-After", "30") in verdict.fields


def test_an_overloaded_node_spreads_the_retries() -> None:  # EDGE R30
    world = World()
    world.admission.overloaded = True
    assert world.admission.overloaded
    waits = {
        int(dict(refused(world.judge(datagram(), now=n * 0.1)).fields)["Retry-After"])
        for n in range(200)
    }
    assert waits == set(range(5, 16))


@pytest.mark.parametrize("remote", [PBX, CARRIER], ids=["PBX", "carrier"])
def test_a_node_without_media_ports_refuses(remote: tuple[str, int]) -> None:  # EDGE R30
    world = World()
    world.calls.ports = False
    data = datagram(uri=INBOUND) if remote is CARRIER else datagram()
    verdict = refused(world.judge(data, remote))
    assert verdict.status == 503
    assert 5 <= int(dict(verdict.fields)["Retry-After"]) <= 15
    assert "media ports" in verdict.hint


def test_the_second_call_inside_one_second_is_refused_at_cps_one() -> None:  # EDGE R15
    world = World(with_termination(cps_limit=1))
    admitted(world.judge(datagram(), now=100.0))
    verdict = refused(world.judge(datagram(), now=100.9))
    assert verdict.status == 503
    assert ("Retry-After", "1") in verdict.fields
    assert verdict.record is not None
    assert verdict.record.status is CallStatus.RATE_LIMITED
    assert verdict.record.status_message == "Calls per second exceeded"
    admitted(world.judge(datagram(), now=101.0))


def test_a_call_refused_before_costs_no_call_rate() -> None:  # EDGE 2.1
    world = World(with_termination(cps_limit=1))
    refused(world.judge(datagram(fields=("Require: x",)), now=5.0))
    admitted(world.judge(datagram(), now=5.1))


def test_a_call_refused_after_costs_call_rate() -> None:  # EDGE 2.1: 17 stands before 18
    world = World(with_termination(cps_limit=1))
    assert refused(world.judge(dialing("911"), now=5.0)).status == 403
    assert refused(world.judge(datagram(), now=5.1)).status == 503


def test_concurrent_calls_are_bounded_for_node_and_connector() -> None:  # EDGE R16
    world = World()
    world.calls.active = SETTINGS.admission.concurrent_calls - 1
    admitted(world.judge(datagram()))
    world.calls.active += 1
    for data, remote in ((datagram(), PBX), (datagram(uri=INBOUND), CARRIER)):
        verdict = refused(world.judge(data, remote))
        assert verdict.status == 503
        assert ("Retry-After", "5") in verdict.fields
        assert verdict.record is not None
        assert verdict.record.status is CallStatus.RATE_LIMITED
        assert verdict.record.status_message == "Concurrent calls exceeded"
    limited = replace(SETTINGS, admission=AdmissionSettings(concurrent_calls_per_connector=2))
    world = World(settings=limited)
    world.calls.active = 2
    assert refused(world.judge(datagram())).status == 503


def test_a_flooding_pbx_hears_503_without_record() -> None:  # EDGE S3
    world = World(with_termination(cps_limit=1))
    statuses = [refused(world.judge(dialing("1"))).status for _ in range(101)]
    assert statuses.count(403) == 1, "one call a second passes the call rate"
    last = refused(world.judge(dialing("1")))
    assert (last.status, last.record, last.stateless) == (503, None, True)
    assert ("Retry-After", "1") in last.fields
    assert "INVITEs per second" in last.hint


def test_a_carrier_has_a_rate_of_its_own() -> None:  # EDGE S3
    carriers = (Carrier(name="acme", host=CARRIER[0], invites_per_second=2),)
    world = World(settings=replace(SETTINGS, carriers=carriers))
    data = datagram(uri=INBOUND)
    statuses = [type(world.judge(data, CARRIER)).__name__ for _ in range(3)]
    assert statuses == ["AdmitCall", "AdmitCall", "Refuse"]


# --- Caller id ---

CALLERS = [
    ("O2 PAI before From", calling_as("alice", f"P-Asserted-Identity: <sip:{CALLER}@pbx>"), CALLER),
    ("O2 tel", calling_as("alice", "P-Asserted-Identity: <tel:+1-206-555-0100>"), CALLER),
    ("O2 first sip or tel",
     calling_as("alice", f"P-Asserted-Identity: <urn:x:y>, <sip:{CALLER}@pbx>"), CALLER),
    ("O2 From when PAI has neither",
     calling_as(CALLER, "P-Asserted-Identity: <urn:x:y>"), CALLER),
    ("O2 display name with a comma",
     datagram(from_=f'"Smith, A" <sip:{CALLER}@192.0.2.7>;tag=a'), CALLER),
    ("O2 Puerto Rico", calling_as("+17875550100"), "+17875550100"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "number"), [row[1:] for row in CALLERS], ids=[row[0] for row in CALLERS]
)
def test_the_caller_id_is_found(data: bytes, number: str) -> None:
    assert admitted(World().judge(data)).from_number == number


@pytest.mark.parametrize("user", ["alice", "+4930123456", "2065550100", ""])
def test_a_caller_id_that_does_not_fit_is_replaced_by_the_default(user: str) -> None:  # EDGE O2
    world = World(with_termination(default_phone_number=OWNED))
    data = calling_as(user) if user else datagram(from_="<sip:192.0.2.7>;tag=a")
    assert admitted(world.judge(data)).from_number == OWNED


def test_the_inventory_policy_wants_a_number_of_the_account() -> None:  # EDGE O2
    settings = replace(
        SETTINGS, admission=AdmissionSettings(caller_id_policy=CallerIdPolicy.INVENTORY)
    )
    verdict = refused(World(settings=settings).judge(datagram()))
    assert verdict.reason == f"Caller Id {CALLER} is not valid"
    assert admitted(World(settings=settings).judge(calling_as(OWNED))).from_number == OWNED


PRIVACY = [
    ("id", True),
    ("user;critical", True),
    ("full", True),
    ("none", False),
    ("header", False),
]


@pytest.mark.parametrize(("wish", "anonymous"), PRIVACY)
def test_privacy_withholds_the_number_but_not_from_the_record(
    wish: str, anonymous: bool
) -> None:  # EDGE O4
    verdict = admitted(World().judge(datagram(fields=(f"Privacy: {wish}",))))
    assert (verdict.anonymous, verdict.from_number) == (anonymous, CALLER)


# --- Calls from carriers ---


def test_an_inbound_call_belongs_to_the_owner_of_the_number() -> None:  # EDGE I4
    verdict = admitted(World().judge(datagram(uri=INBOUND), CARRIER))
    assert verdict.disposition is Disposition.ORIGINATION
    assert verdict.connector.connector_id == CONNECTOR_ID
    assert verdict.carrier is not None
    assert verdict.carrier.name == "acme"
    assert (verdict.from_number, verdict.to_number) == (CALLER, OWNED)


def test_user_parameters_of_carriers_are_cut() -> None:  # EDGE I6
    data = datagram(
        uri=f"sip:{OWNED};npdi;rn=+12065550000@198.51.100.10",
        from_=f"<sip:{CALLER};cpc=ordinary@203.0.113.5>;tag=a",
    )
    verdict = admitted(World().judge(data, CARRIER))
    assert (verdict.from_number, verdict.to_number) == (CALLER, OWNED)


@pytest.mark.parametrize("user", ["+12065550198", "+12065550177", "2065550199", "911"])
def test_a_number_without_owner_is_not_found(user: str) -> None:  # EDGE I4, I6
    verdict = refused(World().judge(datagram(uri=f"sip:{user}@198.51.100.10"), CARRIER))
    assert (verdict.status, verdict.record) == (404, None)
    assert user in verdict.hint


def test_a_number_of_a_group_is_not_found() -> None:  # EDGE I4, API VG5: no call goes to a group
    number = replace(inventory(OWNED, None), group_id="11111111-1111-4111-8111-111111111111")
    snapshot = Snapshot.build(SETTINGS, [connector()], [number], None)
    assert snapshot.numbers[OWNED] == number
    assert snapshot.takers_of(OWNED).connectors == ()
    world = World()
    world.admission.snapshot = snapshot
    verdict = refused(world.judge(datagram(uri=INBOUND), CARRIER))
    assert (verdict.status, verdict.record) == (404, None)


def test_a_connector_that_takes_no_calls_is_unavailable() -> None:  # EDGE I4
    usual = connector()
    assert usual.origination is not None
    for origination in (
        None,
        replace(usual.origination, disabled=True),
        replace(usual.origination, routes=()),
    ):
        world = World(replace(usual, origination=origination))
        verdict = refused(world.judge(datagram(uri=INBOUND), CARRIER))
        assert verdict.status == 480
        assert verdict.record is not None
        assert verdict.record.disposition is Disposition.ORIGINATION
        assert verdict.record.status_message == "480 Origination disabled"


WITHHELD = [
    calling_as("anonymous"),
    datagram(from_='"Anonymous" <sip:+12065550100@anonymous.invalid>;tag=a'),
    datagram(fields=("Privacy: id", f"P-Asserted-Identity: <sip:{CALLER}@x>")),
    datagram(from_="<sip:203.0.113.5>;tag=a"),
    datagram(fields=("P-Asserted-Identity: <sip:Anonymous@x>",)),
]


@pytest.mark.parametrize("data", WITHHELD, ids=["user", "host", "Privacy", "nobody", "PAI"])
def test_a_withheld_caller_stays_withheld_in_the_record_too(data: bytes) -> None:  # EDGE I2, C2
    inbound = data.replace(f"sip:{DIALED}@{HOST} SIP".encode(), f"{INBOUND} SIP".encode())
    verdict = admitted(World().judge(inbound, CARRIER))
    assert verdict.anonymous
    assert verdict.from_number == "anonymous"


CARRIER_ORDER = [
    ("15 before 16", datagram(uri=INBOUND, kind="text/plain", fields=("Require: x",)), 420),
    ("16 before 22", datagram(uri=INBOUND, kind="text/plain", body=b"x"), 415),
    ("22 before I4", datagram(uri="sip:1@198.51.100.10", body=SAVP), 488),
    ("8 before I4", datagram(uri="sip:1@198.51.100.10", fields=("Max-Forwards: 0",)), 483),
]


@pytest.mark.parametrize(
    ("data", "status"), [row[1:] for row in CARRIER_ORDER], ids=[row[0] for row in CARRIER_ORDER]
)
def test_the_first_failing_check_decides_for_carriers(data: bytes, status: int) -> None:
    verdict = refused(World().judge(data, CARRIER))
    assert (verdict.status, verdict.record) == (status, None)


def test_a_carrier_socket_is_told_apart_from_a_pbx_at_the_same_address() -> None:  # EDGE I5
    carriers = (Carrier(name="acme", host=PBX[0], port=5070, sources=(f"{PBX[0]}:5070",)),)
    world = World(settings=replace(SETTINGS, carriers=carriers))
    assert admitted(world.judge(datagram(), PBX)).carrier is None
    inbound = admitted(world.judge(datagram(uri=INBOUND), (PBX[0], 5070)))
    assert inbound.carrier is not None


def test_settings_that_would_fail_at_the_first_call_are_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="challenge_status is 403; 401 or 407"):
        AdmissionSettings(challenge_status=403)
    with pytest.raises(SettingsError, match="refused_kinds holds 'premuim'; one of ordinary"):
        AdmissionSettings(refused_kinds=("premuim",))


def test_a_new_snapshot_takes_effect_on_the_next_request() -> None:  # A9
    world = World()
    admitted(world.judge(datagram()))
    world.admission.snapshot = World(with_termination(cidr_allowed_list=())).admission.snapshot
    assert refused(world.judge(datagram())).stateless


def test_a_stateless_refusal_fits_into_what_came() -> None:  # EDGE S2
    data = datagram()
    refusal = refused(World().judge(data, STRANGER))
    request = parse_datagram(data)
    assert isinstance(request, Request)
    answer = response_bytes(
        request,
        World.flow(STRANGER),
        refusal.status,
        refusal.reason,
        to_tag="f" * 32,
        fields=refusal.fields,
    )
    assert len(answer) <= len(data)
    assert EDGE[0].encode() not in answer
