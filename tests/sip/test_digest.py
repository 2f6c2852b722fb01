"""Digest: the vectors, reading, writing, both ends together."""

import json
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.digest import (
    Algorithm,
    DigestChallenge,
    DigestCredentials,
    answer_challenge,
    expected_response,
    ha1,
    parse_challenge,
    parse_credentials,
)
from edge.sip.grammar import SipParseError

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "digest.json").read_text())
OURS = [
    vector
    for vector in VECTORS["vectors"]
    if vector["alg"] in ("MD5", "SHA-256") and vector.get("qop") in ("auth", None)
]
FOREIGN = [vector for vector in VECTORS["vectors"] if vector not in OURS]


class Vector(TypedDict, total=False):
    """One entry of digest.json, as far as it is read here."""

    name: str
    alg: str
    user: str
    realm: str
    pw: str
    method: str
    uri: str
    nonce: str
    qop: str | None
    nc: str
    cnonce: str
    ha1: str
    response: str


def credentials_of(vector: Vector) -> DigestCredentials:
    return DigestCredentials(
        username=vector["user"],
        realm=vector["realm"],
        nonce=vector["nonce"],
        uri=vector["uri"],
        response=vector["response"],
        algorithm=vector["alg"],
        qop=vector.get("qop"),
        nc=int(vector.get("nc") or "0", 16),
        cnonce=vector.get("cnonce") or "",
    )


def test_the_vectors_hold_both_algorithms_and_the_form_without_qop() -> None:
    assert len(OURS) >= 8
    assert {vector["alg"] for vector in OURS} == {"MD5", "SHA-256"}
    assert any(vector.get("qop") is None for vector in OURS)


@pytest.mark.parametrize("vector", OURS, ids=[vector["name"] for vector in OURS])
def test_a_response_is_computed_as_the_vector_says(vector: Vector) -> None:
    # RFC 7616 §3.4, RFC 8760, RFC 2617
    algorithm = Algorithm(vector["alg"])
    secret = ha1(algorithm, vector["user"], vector["realm"], vector["pw"])
    assert secret == vector["ha1"]
    credentials = credentials_of(vector)
    found = expected_response(algorithm, secret, vector["method"], credentials)
    assert found == vector["response"]


@pytest.mark.parametrize("vector", FOREIGN, ids=[vector["name"] for vector in FOREIGN])
def test_what_was_not_asked_for_is_not_proved(vector: Vector) -> None:
    algorithm = Algorithm.named(vector["alg"])
    if algorithm is None:
        assert vector["alg"] in ("SHA-512-256", "MD5-sess")
    else:
        credentials = credentials_of(vector)
        assert credentials.qop == "auth-int"
        found = expected_response(algorithm, vector["ha1"], vector["method"], credentials)
        assert found != vector["response"]


@pytest.mark.parametrize("name", ["MD5", "SHA-256"])
def test_the_empty_body_hashes_as_published(name: str) -> None:  # RFC 8760 §2.1
    assert Algorithm(name).hash("") == VECTORS["h_empty"][name]


@pytest.mark.parametrize("name", [None, "md5", "Sha-256"])
def test_algorithm_names_are_compared_without_case(name: str | None) -> None:
    assert Algorithm.named(name) is (Algorithm.SHA256 if name == "Sha-256" else Algorithm.MD5)


def test_credentials_are_read_as_phones_write_them() -> None:
    value = (
        'Digest username="pbx",realm="r.example",nonce="abc==" , uri="sip:+1@r.example;a=b",  '
        'response="0123", algorithm=MD5, cnonce="x,\\"y", nc=0000000a, qop=auth,opaque=""'
    )
    found = parse_credentials(value)
    assert found == DigestCredentials(
        username="pbx",
        realm="r.example",
        nonce="abc==",
        uri="sip:+1@r.example;a=b",
        response="0123",
        algorithm="MD5",
        qop="auth",
        nc=10,
        cnonce='x,"y',
    )


REST = 'realm="r", nonce="n", uri="sip:r", response="0"'
BROKEN = [
    ("another scheme", "Basic dTpw", "scheme is not Digest"),
    ("nothing", "Digest", "scheme is not Digest"),
    ("no user", f"Digest {REST}", "username is missing"),
    ("twice", f'Digest username="a", username="b", {REST}', "more than once"),
    ("nc too short", f'Digest username="a", nc=1, {REST}', "eight hex digits"),
    ("nc no hex", f'Digest username="a", nc=0000000g, {REST}', "eight hex digits"),
    ("open quote", f'Digest {REST}, username="a', "malformed"),
    ("no value", f'Digest {REST}, username="a", x=', "malformed"),
]


@pytest.mark.parametrize(
    ("value", "detail"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_broken_credentials_are_refused_by_name(value: str, detail: str) -> None:
    with pytest.raises(SipParseError, match=detail):
        parse_credentials(value)


@given(st.text())
def test_any_text_is_credentials_or_the_declared_error(text: str) -> None:
    for value in (text, "Digest " + text):
        try:
            parse_credentials(value)
            parse_challenge(value)
        except SipParseError as error:
            assert error.status == 400


quotable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@given(
    realm=quotable,
    nonce=quotable,
    opaque=st.none() | quotable,
    algorithm=st.sampled_from(Algorithm),
    qop=st.sampled_from(["auth", None]),
    stale=st.booleans(),
)
def test_a_challenge_survives_writing_and_reading(
    realm: str,
    nonce: str,
    opaque: str | None,
    algorithm: Algorithm,
    qop: str | None,
    stale: bool,
) -> None:
    challenge = DigestChallenge(realm, nonce, algorithm, qop, opaque, stale)
    assert parse_challenge(str(challenge)) == challenge


def test_a_challenge_always_has_quoted_qop() -> None:  # EDGE G2, RFC 8760 §2.6
    text = str(DigestChallenge("r", "n", Algorithm.SHA256))
    assert text == 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
    assert str(DigestChallenge("r", "n", Algorithm.MD5, stale=True)).endswith(", stale=true")


USER, PASSWORD, REALM = "pbx", "correct horse", "r.example"
SHA256 = 'Digest realm="r.example", nonce="n1", algorithm=SHA-256, qop="auth"'
MD5 = 'Digest realm="r.example", nonce="n1", algorithm=MD5, qop="auth"'
ANSWERS = [
    ("the first that is understood", (SHA256, MD5), "SHA-256"),
    ("MD5 alone", (MD5,), "MD5"),
    ("no algorithm is MD5", (MD5.replace(", algorithm=MD5", ""),), "MD5"),
    ("an unknown one is passed over", (SHA256.replace("256", "512-256"), MD5), "MD5"),
    ("auth-int alone is passed over", (SHA256.replace('"auth"', '"auth-int"'), MD5), "MD5"),
    ("auth among others", (MD5.replace('"auth"', '"auth-int, auth"'),), "MD5"),
    ("another scheme is passed over", ('Basic realm="x"', MD5), "MD5"),
    ("a challenge without nonce is passed over", ('Digest realm="x"', MD5), "MD5"),
]


@pytest.mark.parametrize(
    ("values", "algorithm"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_a_client_answers_so_that_the_server_agrees(
    values: tuple[str, ...], algorithm: str
) -> None:  # RFC 8760 §2.4
    answer = answer_challenge(
        values,
        username=USER,
        password=PASSWORD,
        method="INVITE",
        uri="sip:+1@r.example",
        cnonce="c",
    )
    assert answer is not None
    credentials = parse_credentials(answer)
    assert (credentials.algorithm, credentials.qop, credentials.nc) == (algorithm, "auth", 1)
    secret = ha1(Algorithm(algorithm), USER, REALM, PASSWORD)
    wanted = expected_response(Algorithm(algorithm), secret, "INVITE", credentials)
    assert credentials.response == wanted


def test_a_client_answers_an_old_server_without_qop_and_returns_its_opaque() -> None:
    value = 'Digest realm="r.example", nonce="n1", opaque="o"'
    answer = answer_challenge(
        [value], username=USER, password=PASSWORD, method="INVITE", uri="sip:r", cnonce="c"
    )
    assert answer is not None
    assert answer.endswith(', opaque="o"')
    assert "nc=" not in answer
    assert parse_credentials(answer).qop is None


def test_a_client_has_no_answer_to_what_it_does_not_know() -> None:
    values = [SHA256.replace("256", "512-256"), "Bearer x"]
    assert (
        answer_challenge(
            values, username=USER, password=PASSWORD, method="INVITE", uri="sip:r", cnonce="c"
        )
        is None
    )
