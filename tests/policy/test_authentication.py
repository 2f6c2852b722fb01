"""Digest at admission: vectors' negative cases and the rules G1-G8."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.policy.authentication import GUESSERS
from edge.policy.verdict import AdmitCall, Challenge, Refuse, Verdict
from edge.sip.digest import answer_challenge, parse_challenge
from model.cdr import CallStatus
from model.connector import Credential
from model.settings import AdmissionSettings, DigestAlgorithms
from tests.policy.world import (
    CONNECTOR_ID,
    DIALED,
    HOST,
    PBX,
    SETTINGS,
    World,
    connector,
    datagram,
    with_user,
)

URI = f"sip:{DIALED}@{HOST}"


def challenge_of(verdict: Verdict) -> Challenge:
    assert isinstance(verdict, Challenge), verdict
    return verdict


def values(challenge: Challenge) -> list[str]:
    return [value for _, value in challenge.fields]


def is_stale(challenge: Challenge) -> bool:
    parsed = [parse_challenge(value) for value in values(challenge)]
    return all(one is not None and one.stale for one in parsed)


def nonce_of(challenge: Challenge) -> str:
    parsed = parse_challenge(values(challenge)[0])
    assert parsed is not None
    return parsed.nonce


def answered(
    challenge: Challenge,
    *,
    username: str = "pbx",
    password: str = "secret",
    uri: str = URI,
    nc: int = 1,
    only: str = "",
    header: str = "Proxy-Authorization",
) -> bytes:
    """Return the INVITE with credentials for the first challenge that holds `only`."""
    answer = answer_challenge(
        [value for value in values(challenge) if only in value],
        username=username,
        password=password,
        method="INVITE",
        uri=uri,
        cnonce="0a4f113b",
        nc=nc,
    )
    return datagram(fields=(f"{header}: {answer}",))


def test_a_connector_without_users_asks_nobody() -> None:  # EDGE G1
    assert isinstance(World(connector()).judge(datagram()), AdmitCall)


def test_two_challenges_strongest_first_with_one_nonce() -> None:  # EDGE R14, G2, G3
    challenge = challenge_of(World(with_user()).judge(datagram()))
    assert (challenge.status, challenge.reason) == (407, "Proxy Authentication Required")
    assert [name for name, _ in challenge.fields] == ["Proxy-Authenticate"] * 2
    first, second = (parse_challenge(value) for value in values(challenge))
    assert first is not None
    assert second is not None
    assert (first.algorithm.value, second.algorithm.value) == ("SHA-256", "MD5")
    assert first.nonce == second.nonce
    assert first.realm == second.realm == HOST
    assert first.qop == second.qop == "auth"
    assert not is_stale(challenge)


@pytest.mark.parametrize("only", ["SHA-256", "MD5"])
def test_a_right_answer_admits_the_user(only: str) -> None:  # EDGE G1, G6
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    verdict = world.judge(answered(challenge, only=only), now=1.0)
    assert isinstance(verdict, AdmitCall)
    assert verdict.auth_user == "pbx"


def test_the_realm_is_lower_case_whatever_the_request_writes() -> None:  # EDGE G3
    shouted = f"sip:{DIALED}@{HOST.upper()}"
    challenge = challenge_of(World(with_user()).judge(datagram(uri=shouted)))
    assert f'realm="{HOST}"' in values(challenge)[0]


def test_md5_alone_can_be_configured_and_401_too() -> None:  # EDGE G2
    admission = AdmissionSettings(digest_algorithms=DigestAlgorithms.MD5, challenge_status=401)
    world = World(with_user(), settings=replace(SETTINGS, admission=admission))
    challenge = challenge_of(world.judge(datagram()))
    assert (challenge.status, challenge.reason) == (401, "Unauthorized")
    ((name, value),) = challenge.fields
    assert name == "WWW-Authenticate"
    assert "algorithm=MD5" in value
    # A SHA-256 answer was not asked for.
    sha = challenge._replace(fields=((name, value.replace("MD5", "SHA-256")),))
    challenge_of(world.judge(answered(sha, header="Authorization")))
    assert isinstance(world.judge(answered(challenge, header="Authorization")), AdmitCall)


def change(data: bytes, old: str, new: str) -> bytes:
    assert old.encode() in data
    return data.replace(old.encode(), new.encode())


def upper_case_response(data: bytes) -> bytes:
    head, _, rest = data.partition(b'response="')
    response, _, rest = rest.partition(b'"')
    return head + b'response="' + response.upper() + b'"' + rest


Attempt = Callable[[Challenge], bytes]
"""Makes an INVITE with wrong credentials of a challenge."""

WRONG: list[tuple[str, Attempt]] = [
    ("wrong password", lambda c: answered(c, password="guess")),
    ("unknown user", lambda c: answered(c, username="nobody")),
    ("empty user", lambda c: answered(c, username="")),
    ("another URI", lambda c: answered(c, uri=URI + ";user=phone")),
    ("a URI that is none", lambda c: answered(c, uri="hello world")),
    ("no qop", lambda c: answered(c._replace(fields=tuple(
        (name, value.replace(', qop="auth"', "")) for name, value in c.fields)))),
    ("another realm only", lambda c: answered(c._replace(fields=tuple(
        (name, value.replace(HOST, "other.example")) for name, value in c.fields)))),
    ("forged nonce", lambda c: answered(c._replace(fields=tuple(
        (name, value.replace(nonce_of(c), "Zm9yZ2Vk")) for name, value in c.fields)))),
    ("algorithm not offered", lambda c: change(answered(c), "SHA-256", "SHA-512-256")),
    ("upper-case response", lambda c: upper_case_response(answered(c))),
    ("broken header", lambda c: change(answered(c), "nc=00000001", "nc=1")),
    ("another scheme", lambda c: change(answered(c), "Digest ", "Basic ")),
]  # fmt: skip


@pytest.mark.parametrize("attempt", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_answer_is_challenged_anew(attempt: Attempt) -> None:  # EDGE G5, S7
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    again = challenge_of(world.judge(attempt(challenge), now=1.0))
    assert not is_stale(again)
    assert nonce_of(again) != nonce_of(challenge)


def test_a_connector_may_be_challenged_with_md5_alone() -> None:  # EDGE G2
    admission = AdmissionSettings(md5_only_connectors=(CONNECTOR_ID,))
    world = World(with_user(), settings=replace(SETTINGS, admission=admission))
    challenge = challenge_of(world.judge(datagram()))
    assert ["algorithm=MD5" in value for value in values(challenge)] == [True]
    assert isinstance(world.judge(answered(challenge)), AdmitCall)


def test_credentials_without_qop_count_once_where_they_are_allowed() -> None:  # EDGE G5, G4
    admission = AdmissionSettings(allow_legacy_digest=True)
    world = World(with_user(), settings=replace(SETTINGS, admission=admission))
    challenge = challenge_of(world.judge(datagram()))
    bare = [(name, value.replace(', qop="auth"', "")) for name, value in challenge.fields]
    legacy = answered(challenge._replace(fields=tuple(bare)), only="MD5")
    assert isinstance(world.judge(legacy), AdmitCall)
    assert is_stale(challenge_of(world.judge(legacy, now=1.0)))
    guess = answered(challenge._replace(fields=tuple(bare)), only="MD5", password="guess")
    assert not is_stale(challenge_of(world.judge(guess, now=2.0)))


def test_an_equivalent_uri_is_good_enough() -> None:  # EDGE G5, RFC 3261 §19.1.4
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    same = f"SIP:%2B{DIALED[1:]}@{HOST.upper()}"
    assert isinstance(world.judge(answered(challenge, uri=same)), AdmitCall)


def test_an_old_nonce_is_stale_when_the_password_is_right() -> None:  # EDGE G3, RFC 7616 §3.3
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    assert is_stale(challenge_of(world.judge(answered(challenge), now=301.0)))
    wrong = answered(challenge, password="guess")
    assert not is_stale(challenge_of(world.judge(wrong, now=302.0)))


def test_a_repeated_count_is_stale_and_the_next_one_good() -> None:  # EDGE G4
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    assert isinstance(world.judge(answered(challenge), now=1.0), AdmitCall)
    assert is_stale(challenge_of(world.judge(answered(challenge), now=2.0)))
    assert isinstance(world.judge(answered(challenge, nc=2), now=3.0), AdmitCall)


def test_credentials_do_not_work_from_another_address() -> None:  # EDGE G3, G8
    both = with_user()
    assert both.termination is not None
    both = replace(both, termination=replace(both.termination, cidr_allowed_list=("192.0.2.0/28",)))
    world = World(both)
    challenge = challenge_of(world.judge(datagram()))
    challenge_of(world.judge(answered(challenge), ("192.0.2.8", 5060)))
    assert isinstance(world.judge(answered(challenge), PBX), AdmitCall)


def test_the_list_is_needed_besides_the_password() -> None:  # EDGE G8
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    verdict = world.judge(answered(challenge), ("192.0.2.99", 5060))
    assert isinstance(verdict, Refuse)
    assert verdict.stateless


def test_a_user_of_another_connector_is_nobody_here() -> None:  # EDGE S16
    stranger = Credential.from_password("other", "secret", realm="other.example")
    world = World(with_user(), replace(connector("o" * 22), credentials=(stranger,)))
    challenge = challenge_of(world.judge(datagram()))
    challenge_of(world.judge(answered(challenge, username="other")))


def locked_world() -> tuple[World, Challenge]:
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    for attempt in range(5):
        guess = answered(challenge, password=f"guess {attempt}")
        challenge_of(world.judge(guess, now=1.0 + attempt))
    return world, challenge


def test_five_failures_in_a_minute_lock_the_user() -> None:  # EDGE G7
    world, challenge = locked_world()
    verdict = world.judge(answered(challenge), now=7.0)
    assert isinstance(verdict, Refuse)
    assert (verdict.status, verdict.reason) == (403, "Forbidden")
    assert verdict.record is not None
    assert verdict.record.status is CallStatus.REJECTED
    assert "locked" in verdict.hint
    assert isinstance(world.judge(answered(challenge), now=304.9), Refuse)


def test_whoever_hears_no_challenge_locks_nobody_out() -> None:  # EDGE G7
    world = World(with_user())
    heard = challenge_of(world.judge(datagram()))
    nonce = nonce_of(heard)
    forged = heard._replace(
        fields=tuple((name, value.replace(nonce, nonce[::-1])) for name, value in heard.fields)
    )
    for at in range(10):
        again = challenge_of(world.judge(answered(forged, password="guess"), now=0.1 * at))
        assert not is_stale(again)
    challenge = challenge_of(world.judge(datagram(), now=2.0))
    assert isinstance(world.judge(answered(challenge), now=3.0), AdmitCall)


def test_a_lock_ends_and_touches_no_other_user() -> None:  # EDGE G7
    world, challenge = locked_world()
    challenge_of(world.judge(answered(challenge, username="nobody"), now=7.0))
    assert is_stale(challenge_of(world.judge(answered(challenge), now=305.1)))
    fresh = challenge_of(world.judge(datagram(), now=306.0))
    assert isinstance(world.judge(answered(fresh), now=307.0), AdmitCall)


def test_failures_are_counted_over_one_minute_only() -> None:  # EDGE G7
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    for at in (0.0, 1.0, 2.0, 3.0, 61.0, 62.0, 63.0, 64.0):
        challenge_of(world.judge(answered(challenge, password="guess"), now=at))
    assert isinstance(world.judge(answered(challenge), now=65.0), AdmitCall)


def test_a_challenge_without_answer_is_no_failure() -> None:  # EDGE G7
    world = World(with_user())
    for number in range(20):
        challenge_of(world.judge(datagram(), now=number * 0.1))
    challenge = challenge_of(world.judge(datagram(), now=3.0))
    assert isinstance(world.judge(answered(challenge), now=3.1), AdmitCall)


def test_guessing_with_ever_new_names_does_not_grow_the_table() -> None:  # EDGE G7, S7
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    for number in range(GUESSERS + 50):
        world.judge(answered(challenge, username=f"user{number}"), now=number * 0.01)
    assert len(world.admission._context.authentication) == GUESSERS


def test_unknown_user_and_wrong_password_get_answers_of_one_length() -> None:  # EDGE S7
    world = World(with_user())
    challenge = challenge_of(world.judge(datagram()))
    unknown = challenge_of(world.judge(answered(challenge, username="xyz"), now=1.0))
    wrong = challenge_of(world.judge(answered(challenge, password="guess"), now=1.0))
    assert [len(value) for value in values(unknown)] == [len(value) for value in values(wrong)]


def test_options_is_not_challenged() -> None:  # EDGE G6
    verdict = World(with_user()).judge(datagram("OPTIONS", uri=f"sip:{HOST}"))
    assert not isinstance(verdict, Challenge)
