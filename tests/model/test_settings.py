"""The settings document: defaults, that it is read as written, what each mistake is told."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.settings import (
    CONNECTOR_REGIONS,
    AdmissionSettings,
    ApiSettings,
    CallerIdPolicy,
    CallSettings,
    Carrier,
    DigestAlgorithms,
    E911Acceptance,
    InboundUriHost,
    MediaSettings,
    Quotas,
    RoutingSettings,
    Settings,
    SettingsError,
    SrtpSettings,
    TlsVerify,
    UdpLarge,
)
from model.srtp import Aes192Derivation, SrtpSuite, SuiteNames

ROOT = Path(__file__).parents[2]

FULL = Settings(
    account_id="111122223333",
    region="us-west-2",
    domain="voice.example.com",
    lab_mode=True,
    api=ApiSettings(quotas=Quotas.aws(), private_addresses=True),
    carriers=(
        Carrier(name="plain", host="192.0.2.1"),
        Carrier(
            name="rich",
            host="2001:db8::1",
            port=5070,
            sources=("192.0.2.0/24", "198.51.100.7", "127.0.0.1:5080", "2001:db8::/32"),
            media_networks=("203.0.113.0/24",),
            priority=2,
            weight=9,
            invites_per_second=10,
        ),
    ),
    admission=AdmissionSettings(
        caller_id_policy=CallerIdPolicy.INVENTORY,
        digest_algorithms=DigestAlgorithms.MD5,
        challenge_status=401,
        concurrent_calls_per_connector=5,
        refused_kinds=(),
    ),
    call=CallSettings(no_answer_s=20.5, loop_turns=3),
    srtp=SrtpSettings(suites=(SrtpSuite.AES_256_80, SrtpSuite.AES_128_32), optional=True),
    routing=RoutingSettings(inbound_uri_host=InboundUriHost.ROUTE),
    media=MediaSettings(first_port=5_000, last_port=65_000, private_media=("abc",)),
)


def test_an_empty_document_is_the_defaults() -> None:  # A6
    assert Settings.from_json("{}") == Settings()


@pytest.mark.parametrize("settings", [Settings(), FULL], ids=["defaults", "full"])
def test_a_document_is_read_as_it_was_written(settings: Settings) -> None:
    assert Settings.from_json(settings.to_json()) == settings


def members_of(section: object) -> list[str]:
    assert is_dataclass(section)
    return [member.name for member in fields(section)]


def test_the_whole_document_is_written_defaults_included() -> None:
    document = json.loads(Settings().to_json())
    assert list(document) == members_of(Settings())
    assert list(document["admission"]) == members_of(AdmissionSettings())
    assert document["admission"]["caller_id_policy"] == "us-valid"


def test_only_what_differs_needs_to_be_written() -> None:  # A6
    read = Settings.from_json('{"call": {"max_call_s": 60}, "domain": "d"}')
    assert read == Settings(domain="d", call=CallSettings(max_call_s=60.0))
    assert type(read.call.max_call_s) is float


def test_null_is_read_where_nothing_is_allowed() -> None:
    read = Settings.from_json('{"admission": {"concurrent_calls_per_connector": null}}')
    assert read == Settings()


def test_the_defaults_are_those_of_the_specification() -> None:
    settings = Settings()
    admission, call, routing, media = (
        settings.admission,
        settings.call,
        settings.routing,
        settings.media,
    )
    assert admission.caller_id_policy is CallerIdPolicy.US_VALID  # EDGE O2
    assert (admission.challenge_status, admission.nonce_lifetime_s) == (407, 300)  # G2, G3
    assert (admission.digest_failures, admission.digest_lock_s) == (5, 300)  # G7
    assert admission.concurrent_calls_per_connector is None  # R16
    assert admission.refused_kinds == ("premium", "shared-cost", "universal-access")  # S6
    assert (admission.unknown_refusals_per_source, admission.unknown_refusals_per_node) == (5, 50)
    assert admission.rejected_records_per_second == 50  # C8
    assert (call.no_answer_s, call.timer_c_s, call.repeat_ringing_s) == (180, 185, 60)  # E6, E7
    assert (call.max_call_s, call.loop_window_s, call.loop_turns) == (14_400, 10, 6)  # V5, L2
    assert routing.inbound_uri_host is InboundUriHost.CONNECTOR  # I1
    assert (routing.first_response_s, routing.progress_after_trying_s) == (4, 8)  # F4, F5
    assert (routing.attempts, routing.budget_s) == (10, 24)  # F8
    assert (routing.blacklist_s, routing.blacklist_longest_s) == (30, 300)  # F9
    assert (routing.udp_large, settings.tls.verify) == (UdpLarge.AUTO, TlsVerify.FULL)  # W13, W9
    assert (media.first_port, media.last_port, media.port_rest_s) == (10_000, 59_999, 5)  # Q1
    assert (media.timeout_s, media.hold_timeout_s, media.relatch_after_s) == (60, 1_800, 2)  # V4
    assert media.packets_per_second == 120  # Q6
    srtp = settings.srtp
    assert (srtp.suite_names, srtp.optional) == (SuiteNames.IANA, False)  # K2, K15
    assert (srtp.aes192_kdf, srtp.srtcp_tag32) == (Aes192Derivation.AUTO, False)  # K11, K12
    assert srtp.suites == tuple(SrtpSuite)  # K9
    assert not settings.lab_mode  # S11


def test_the_quotas_of_aws_are_a_profile() -> None:  # API section 7
    assert (Quotas.aws().connectors, Quotas.aws().numbers, Quotas.aws().cps_limit) == (3, 5, 1)
    assert (Quotas.aws().groups, Quotas.aws().connectors_per_group) == (3, 3)
    assert (Quotas().groups, Quotas().connectors_per_group) == (100, 10)


def test_the_api_offers_what_amazon_does_and_claims_nothing() -> None:  # API RG1 EC1 EA1
    api = Settings().api
    assert api.regions == CONNECTOR_REGIONS and len(set(CONNECTOR_REGIONS)) == 10
    assert api.emergency_countries == ("US",)
    assert api.e911_accepts is E911Acceptance.NOTHING
    read = Settings.from_json('{"api": {"e911_accepts": "form", "emergency_countries": []}}').api
    assert (read.e911_accepts, read.emergency_countries) == (E911Acceptance.FORM, ())


def test_a_group_is_small_enough_for_one_transaction() -> None:  # A4
    for most in (0, 49):
        assert Quotas(connectors_per_group=most).connectors_per_group == most


CARRIER = {"name": "acme", "host": "192.0.2.1"}

MISTAKES = [
    ("", "the settings are not JSON: Expecting value"),
    ("{", "the settings are not JSON: "),
    ("[]", "settings is []; an object is wanted"),
    ('{"lab": true}', "settings has no member 'lab'; it has account_id, region, domain, lab_mode,"),
    ('{"domain": 7}', "settings.domain is 7; a value of type str is wanted"),
    ('{"domain": null}', "settings.domain is None; a value of type str is wanted"),
    ('{"lab_mode": "yes"}', "settings.lab_mode is 'yes'; a value of type bool is wanted"),
    ('{"lab_mode": 1}', "settings.lab_mode is 1; a value of type bool is wanted"),
    ('{"call": []}', "settings.call is []; an object is wanted"),
    ('{"call": {"turns": 6}}', "settings.call has no member 'turns'; it has no_answer_s, "),
    ('{"call": {"loop_turns": 6.5}}', "settings.call.loop_turns is 6.5; a value of type int"),
    ('{"call": {"loop_turns": true}}', "settings.call.loop_turns is True; a value of type int"),
    (
        '{"call": {"loop_turns": -1}}',
        "settings.call.loop_turns is -1; a number from 0 to 2147483647",
    ),
    (
        '{"call": {"no_answer_s": "1"}}',
        "settings.call.no_answer_s is '1'; seconds from 0 to 31622400",
    ),
    ('{"call": {"no_answer_s": -1}}', "settings.call.no_answer_s is -1; seconds from 0"),
    ('{"call": {"no_answer_s": true}}', "settings.call.no_answer_s is True; seconds from 0"),
    ('{"call": {"no_answer_s": NaN}}', "settings.call.no_answer_s is nan; seconds from 0"),
    ('{"call": {"no_answer_s": Infinity}}', "settings.call.no_answer_s is inf; seconds from 0"),
    ('{"call": {"no_answer_s": 1e400}}', "settings.call.no_answer_s is inf; seconds from 0"),
    (
        '{"admission": {"caller_id_policy": "any"}}',
        "settings.admission.caller_id_policy is 'any'; one of 'us-valid', 'inventory' is wanted",
    ),
    (
        '{"admission": {"digest_algorithms": []}}',
        "settings.admission.digest_algorithms is []; one of 'sha256+md5', 'md5' is wanted",
    ),
    (
        '{"admission": {"challenge_status": 403}}',
        "settings.admission: challenge_status is 403; 401 or 407 is wanted",
    ),
    (
        '{"admission": {"refused_kinds": ["premium", "cheap"]}}',
        "settings.admission: refused_kinds holds 'cheap'; one of ordinary, premium, shared-cost,",
    ),
    ('{"admission": {"refused_kinds": "premium"}}', "refused_kinds is 'premium'; a list is wanted"),
    (
        '{"admission": {"refused_kinds": [1]}}',
        "settings.admission.refused_kinds[0] is 1; a value of",
    ),
    ('{"api": {"quotas": {"routes": -1}}}', "settings.api.quotas.routes is -1; a number from 0"),
    (
        '{"api": {"quotas": {"connectors_per_group": 50}}}',
        "settings.api.quotas: connectors_per_group is 50; a number from 0 to 49 is wanted",
    ),
    ('{"api": {"regions": []}}', "settings.api: regions is (); a region at least is wanted"),
    (
        '{"api": {"regions": ["mars-1"]}}',
        "settings.api: regions is 'mars-1'; each once of us-east-1, us-west-2, ",
    ),
    (
        '{"api": {"regions": ["eu-west-1", "eu-west-1"]}}',
        "settings.api: regions is 'eu-west-1'; each once of us-east-1, ",
    ),
    (
        '{"api": {"emergency_countries": ["us"]}}',
        "settings.api: emergency_countries is 'us'; an ISO 3166 code such as US is wanted",
    ),
    (
        '{"api": {"e911_accepts": "all"}}',
        "settings.api.e911_accepts is 'all'; one of 'nothing', 'form' is wanted",
    ),
    ('{"media": {"first_port": 0}}', "settings.media: first_port is 0; a number from 1 to 65535"),
    ('{"media": {"last_port": 65536}}', "settings.media: last_port is 65536; a number from 10000"),
    ('{"media": {"last_port": 9999}}', "settings.media: last_port is 9999; a number from 10000"),
    ('{"srtp": {"suites": []}}', "settings.srtp: suites is (); a suite at least is wanted"),
    (
        '{"srtp": {"suites": ["AES_CM_256_HMAC_SHA1_80"]}}',
        "settings.srtp.suites[0] is 'AES_CM_256_HMAC_SHA1_80'; one of 'AES_CM_128_HMAC_SHA1_80', ",
    ),
    (
        '{"srtp": {"suites": ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"]}}',
        "settings.srtp: suites is 'AES_CM_128_HMAC_SHA1_80'; each suite once at most is wanted",
    ),
    (
        '{"srtp": {"suite_names": "all"}}',
        "settings.srtp.suite_names is 'all'; one of 'iana', 'seed', 'both' is wanted",
    ),
    (
        '{"srtp": {"aes192_kdf": "old"}}',
        "settings.srtp.aes192_kdf is 'old'; one of 'auto', 'rfc', 'libsrtp' is wanted",
    ),
    ('{"carriers": {}}', "settings.carriers is {}; a list is wanted"),
    ('{"carriers": [{"name": "acme"}]}', "settings.carriers[0]: "),
    ('{"carriers": [{"name": "acme"}]}', "missing 1 required keyword-only argument: 'host'"),
]

CARRIER_MISTAKES = [
    ("host", "carrier example", "host is 'carrier example'; an IP address or a domain name"),
    ("host", "192.0.2.256", "host is '192.0.2.256'; an IP address or a domain name is wanted"),
    ("host", "carrier.example.com", "sources is (); at least one is wanted"),
    ("username", "trunk", "username is 'trunk'; a user name together with a password is wanted"),
    ("password", "env:X", "username is ''; a user name together with a password is wanted"),
    ("register", True, "register is True; a username is wanted"),
    ("register_expires_s", 59, "register_expires_s is 59; a number from 60 to 86400 is wanted"),
    ("port", 0, "port is 0; a number from 1 to 65535 is wanted"),
    ("port", 65_536, "port is 65536; a number from 1 to 65535 is wanted"),
    ("weight", 0, "weight is 0; a number from 1 is wanted"),
    ("priority", 0, "priority is 0; a number from 1 is wanted"),
    ("invites_per_second", 0, "invites_per_second is 0; a number from 1 is wanted"),
    ("sources", ["192.0.2.1:0"], "sources is '192.0.2.1:0'; an address, a network or address:port"),
    ("sources", ["192.0.2.1:x"], "sources is '192.0.2.1:x'; an address, a network or address:port"),
    ("sources", ["pstn:5060"], "sources is 'pstn:5060'; an address, a network or address:port"),
    ("sources", ["192.0.2.0/33"], "sources is '192.0.2.0/33'; an address, a network"),
    ("media_networks", ["192.0.2.1:5060"], "media_networks is '192.0.2.1:5060'; a network"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_told_with_member_value_and_what_is_wanted(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_json(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "value", "message"), CARRIER_MISTAKES)
def test_a_carrier_that_cannot_work_is_refused(name: str, value: object, message: str) -> None:
    document = {"carriers": [CARRIER, {**CARRIER, "name": "bad", name: value}]}
    with pytest.raises(SettingsError) as caught:
        Settings.from_json(json.dumps(document))
    assert str(caught.value).startswith(f"settings.carriers[1]: {message}")


@pytest.mark.parametrize("name", ["a b", "a@b", "a:b", 'a"b', "a;b", "a<b", "\N{SNOWMAN}"])
def test_a_user_name_stands_in_uris_and_headers_as_it_is(name: str) -> None:  # EDGE F13
    with pytest.raises(SettingsError, match=r"^username is "):
        Carrier(name="acme", host="192.0.2.1", username=name, password="env:X")


BRIDGE = {"numbers": ["+17035550122"], "host": "192.0.2.9"}
BRIDGE_MISTAKES = [
    ("numbers", [], "numbers is (); a number at least"),
    ("numbers", ["17035550122"], "numbers is '17035550122'; an E.164 number"),
    ("host", "a b", "host is 'a b'; an IP address or a domain name is wanted"),
    ("port", 0, "port is 0; a number from 1 to 65535 is wanted"),
    ("media_networks", ["x"], "media_networks is 'x'; a network is wanted"),
]


@pytest.mark.parametrize(("name", "value", "message"), BRIDGE_MISTAKES)
def test_a_bridge_that_cannot_work_is_refused(name: str, value: object, message: str) -> None:
    # EDGE M1
    with pytest.raises(SettingsError) as caught:
        Settings.from_json(json.dumps({"meetings": [{**BRIDGE, name: value}]}))
    assert str(caught.value).startswith(f"settings.meetings[0]: {message}")


def test_a_number_leads_to_one_bridge() -> None:  # EDGE M1
    twice = json.dumps({"meetings": [BRIDGE, BRIDGE]})
    with pytest.raises(SettingsError, match=r"meetings is '\+17035550122'; one bridge for each"):
        Settings.from_json(twice)


def test_the_operators_page_shows_what_is_true() -> None:
    page = (ROOT / "docs" / "carriers.md").read_text()
    example = Settings.from_json(page.partition("```json")[2].partition("```")[0])
    assert [carrier.name for carrier in example.carriers] == ["first", "london"]
    assert example.meetings[0].port == 5060
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == {
        member.name for member in fields(Carrier)
    }


def test_two_carriers_have_two_names() -> None:
    twice = json.dumps({"carriers": [CARRIER, CARRIER]})
    with pytest.raises(SettingsError, match=r"^settings: carriers is 'acme'; another name"):
        Settings.from_json(twice)


def test_what_is_built_in_python_is_checked_as_well() -> None:
    with pytest.raises(SettingsError, match=r"^weight is 0; a number from 1 is wanted$"):
        replace(FULL.carriers[0], weight=0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    section=st.sampled_from(members_of(Settings())),
    member=st.sampled_from([*members_of(FULL.carriers[0]), *members_of(FULL.admission)]),
    value=JSON,
)
def test_any_document_is_read_or_refused(section: str, member: str, value: object) -> None:
    for document in (value, {section: value}, {section: {member: value}}):
        try:
            read = Settings.from_json(json.dumps(document))
        except SettingsError as error:
            assert re.search(r"(is|are) wanted|has no member|missing", str(error))
        else:
            assert Settings.from_json(read.to_json()) == read
