"""a=crypto lines, read and written (RFC 4568; EDGE K1-K3, K5-K9, S14)."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.sdes import CryptoLine, SdesRules, usable_lines, written
from edge.media.srtp_keys import SALT_BYTES, SrtpKey, Suite
from model.srtp import SrtpSettings, SrtpSuite, SuiteNames

K128 = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk"
K192 = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1uMDEyMzQ1Njc4OWFiY2Q="
K256 = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXYwMTIzNDU2Nzg5YWJjZA=="
SALT = b"0123456789abcd"
ALL = frozenset(Suite)
C128, C192, C256 = "AES_CM_128_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"


def lines(*values: str, suites: frozenset[Suite] = ALL) -> tuple[CryptoLine, ...]:
    return usable_lines([f"a=crypto:{value}" for value in values], suites)


# (suite as written, key as written, suite meant)                                 EDGE K1, K2, K5
SUITES = [
    ("AES_CM_128_HMAC_SHA1_80", K128, Suite.AES_CM_128_HMAC_SHA1_80),
    ("AES_CM_128_HMAC_SHA1_32", K128, Suite.AES_CM_128_HMAC_SHA1_32),
    ("AES_192_CM_HMAC_SHA1_80", K192, Suite.AES_192_CM_HMAC_SHA1_80),
    ("AES_192_CM_HMAC_SHA1_32", K192, Suite.AES_192_CM_HMAC_SHA1_32),
    ("AES_256_CM_HMAC_SHA1_80", K256, Suite.AES_256_CM_HMAC_SHA1_80),
    ("AES_256_CM_HMAC_SHA1_32", K256, Suite.AES_256_CM_HMAC_SHA1_32),
    ("AES_CM_192_HMAC_SHA1_80", K192, Suite.AES_192_CM_HMAC_SHA1_80),
    ("AES_CM_192_HMAC_SHA1_32", K192, Suite.AES_192_CM_HMAC_SHA1_32),
    ("AES_CM_256_HMAC_SHA1_80", K256, Suite.AES_256_CM_HMAC_SHA1_80),
    ("AES_CM_256_HMAC_SHA1_32", K256, Suite.AES_256_CM_HMAC_SHA1_32),
    ("aes_cm_128_hmac_sha1_80", K128, Suite.AES_CM_128_HMAC_SHA1_80),
    ("Aes_Cm_256_Hmac_Sha1_32", K256.rstrip("="), Suite.AES_256_CM_HMAC_SHA1_32),
    ("AES_192_CM_HMAC_SHA1_80", K192.rstrip("="), Suite.AES_192_CM_HMAC_SHA1_80),
]


@pytest.mark.parametrize(("spelling", "key", "suite"), SUITES)
def test_every_spelling_of_the_six_suites_is_read(spelling: str, key: str, suite: Suite) -> None:
    (line,) = lines(f"1 {spelling} inline:{key}")
    assert (line.tag, line.spelling, line.key.suite) == ("1", spelling, suite)
    octets = b"0123456789abcdefghijklmnopqrstuv"[: suite.key_bytes]
    assert (line.key.key, line.key.salt, line.key.mki_bytes) == (octets, SALT, 0)
    assert len(line.key.salt) == SALT_BYTES


# (name, the line behind a=crypto:, octets of the MKI, window)
USABLE = [
    ("K3 tag of nine digits", f"999999999 {C128} inline:{K128}", 0, 128),
    ("K3 tag 0", f"0 {C128} inline:{K128}", 0, 128),
    ("K3 blanks and tabs", f" 1 \t{C128}  inline:{K128} ", 0, 128),
    ("K3 INLINE", f"1 {C128} INLINE:{K128}", 0, 128),
    ("K6 2^31", f"1 {C128} inline:{K128}|2^31", 0, 128),
    ("K6 2^48", f"1 {C128} inline:{K128}|2^48", 0, 128),
    ("K6 one packet", f"1 {C128} inline:{K128}|1", 0, 128),
    ("K6 2^0", f"1 {C128} inline:{K128}|2^0", 0, 128),
    ("K6 2^48 in decimal", f"1 {C128} inline:{K128}|281474976710656", 0, 128),
    ("K6 2^31 for 192", f"1 {C192} inline:{K192}|2^31", 0, 128),
    ("K6 2^31 for 256 in decimal", f"1 {C256} inline:{K256}|2147483648", 0, 128),
    ("K6 K7 FreeSWITCH", f"1 {C128} inline:{K128}|2^31|1:1", 1, 128),
    ("K7 MKI alone", f"1 {C128} inline:{K128}|1:4", 4, 128),
    ("K7 highest MKI of one octet", f"1 {C128} inline:{K128}|255:1", 1, 128),
    ("K8 KDR=0", f"1 {C128} inline:{K128} KDR=0", 0, 128),
    ("K8 KDR=00", f"1 {C128} inline:{K128} kdr=00", 0, 128),
    ("K8 WSH", f"1 {C128} inline:{K128} WSH=256", 0, 256),
    ("K8 WSH below the least", f"1 {C128} inline:{K128} WSH=10", 0, 64),
    ("K8 WSH above our most", f"1 {C128} inline:{K128} wsh=99999", 0, 1024),
    ("K8 optional extension", f"1 {C128} inline:{K128} -NEW=1 WSH=64", 0, 64),
]


@pytest.mark.parametrize(
    ("value", "mki", "window"), [row[1:] for row in USABLE], ids=[row[0] for row in USABLE]
)
def test_what_a_usable_line_says(value: str, mki: int, window: int) -> None:
    (line,) = lines(value)
    assert (line.key.mki_bytes, line.key.window) == (mki, window)
    assert line.key.salt == SALT


# (name, the line behind a=crypto:)
USELESS = [
    ("K3 nothing", ""),
    ("K3 a tag alone", "1"),
    ("K3 no key", f"1 {C128}"),
    ("K3 tag of ten digits", f"1234567890 {C128} inline:{K128}"),
    ("K3 tag that is no number", f"x {C128} inline:{K128}"),
    ("K3 superscript tag", f"² {C128} inline:{K128}"),
    ("K3 negative tag", f"-1 {C128} inline:{K128}"),
    ("K1 F8", f"1 F8_128_HMAC_SHA1_80 inline:{K128}"),
    ("K1 GCM", f"1 AEAD_AES_128_GCM inline:{K128}"),
    ("K1 no suite", f"1 AES_CM_512_HMAC_SHA1_80 inline:{K128}"),
    ("K3 another key method", f"1 {C128} uri:{K128}"),
    ("K3 no colon", f"1 {C128} inline{K128}"),
    ("K5 short key", f"1 {C128} inline:{K128[:-1]}"),
    ("K5 long key", f"1 {C128} inline:{K128}A"),
    ("K5 key of another suite", f"1 {C256} inline:{K128}"),
    ("K5 empty key", f"1 {C128} inline:"),
    ("K5 foreign character", f"1 {C128} inline:{K128[:-1]}-"),
    ("K5 too much padding", f"1 {C128} inline:{K128}==="),
    ("K6 2^49", f"1 {C128} inline:{K128}|2^49"),
    ("K6 above 2^48 in decimal", f"1 {C128} inline:{K128}|281474976710657"),
    ("K6 very long", f"1 {C128} inline:{K128}|{'9' * 5000}"),
    ("K6 2^32 for 192", f"1 {C192} inline:{K192}|2^32"),
    ("K6 above 2^31 for 256", f"1 {C256} inline:{K256}|2147483649"),
    ("K6 zero", f"1 {C128} inline:{K128}|0"),
    ("K6 leading zero", f"1 {C128} inline:{K128}|0128"),
    ("K6 leading zero of the power", f"1 {C128} inline:{K128}|2^031"),
    ("K6 empty", f"1 {C128} inline:{K128}|"),
    ("K7 MKI of no octets", f"1 {C128} inline:{K128}|1:0"),
    ("K7 MKI of five octets", f"1 {C128} inline:{K128}|1:5"),
    ("K7 MKI of thirty-two octets", f"1 {C128} inline:{K128}|2^20|1:32"),
    ("K7 MKI that does not fit", f"1 {C128} inline:{K128}|256:1"),
    ("K7 two keys", f"1 {C128} inline:{K128}|2^20|1:4;inline:{K128}|2^20|2:4"),
    ("K8 KDR", f"1 {C128} inline:{K128} KDR=1"),
    ("K8 WSH without number", f"1 {C128} inline:{K128} WSH="),
    ("K8 FEC order", f"1 {C128} inline:{K128} FEC_ORDER=FEC_SRTP"),
    ("K8 FEC key", f"1 {C128} inline:{K128} FEC_KEY=inline:{K128}"),
    ("K8 no encryption", f"1 {C128} inline:{K128} UNENCRYPTED_SRTP"),
    ("K8 no encryption of RTCP", f"1 {C128} inline:{K128} UNENCRYPTED_SRTCP"),
    ("K8 no authentication", f"1 {C128} inline:{K128} UNAUTHENTICATED_SRTP"),
    ("K8 unknown extension", f"1 {C128} inline:{K128} NEW=1"),
    ("K8 one of two", f"1 {C128} inline:{K128} WSH=64 NEW"),
]


@pytest.mark.parametrize("value", [row[1] for row in USELESS], ids=[row[0] for row in USELESS])
def test_a_useless_line_counts_as_absent(value: str) -> None:
    assert lines(value) == ()
    good = f"77 {C256} inline:{K256}"
    assert [it.tag for it in lines(value, good)] == ["77"], "and the next one serves"


def test_lines_keep_the_order_of_the_offerer() -> None:  # EDGE K3
    found = lines(f"3 {C256} inline:{K256}", f"1 {C128} inline:{K128}", f"2 {C192} inline:{K192}")
    assert [it.tag for it in found] == ["3", "1", "2"]


def test_suites_that_are_not_wanted_are_passed_over() -> None:  # EDGE K9
    wanted = frozenset({Suite.AES_CM_128_HMAC_SHA1_80})
    found = lines(f"3 {C256} inline:{K256}", f"1 {C128} inline:{K128}", suites=wanted)
    assert [it.tag for it in found] == ["1"]


@pytest.mark.parametrize("twin", ["1", "01", "1 F8_128_HMAC_SHA1_80 inline:x"])
def test_a_tag_that_comes_twice_names_no_line(twin: str) -> None:  # EDGE K3
    other = f"2 {C128} inline:{K128}"
    if " " not in twin:
        twin = f"{twin} {C192} inline:{K192}"
    assert [it.tag for it in lines(f"1 {C128} inline:{K128}", twin, other)] == ["2"]


def test_other_attributes_are_no_keys() -> None:
    attributes = ["a=cryptox:1", "a=sendrecv", f"a=crypto:1 {C128} inline:{K128}", "a=crypto"]
    assert len(usable_lines(attributes, ALL)) == 1


@pytest.mark.parametrize("suite", Suite)
def test_what_is_written_is_read_as_it_was_meant(suite: Suite) -> None:  # EDGE K1, K5
    key = SrtpKey(suite, bytes(range(suite.key_bytes)), bytes(range(100, 114)))
    text = written(CryptoLine("7", suite.value.lower(), key))
    assert text.startswith(f"a=crypto:7 {suite.value.lower()} inline:") and text.endswith("\r\n")
    secret = text.strip().rpartition(":")[2]
    assert len(secret) == {16: 40, 24: 52, 32: 64}[suite.key_bytes], "padding included"
    assert b64decode(secret, validate=True) == key.key + key.salt
    assert usable_lines([text.strip()], ALL) == (CryptoLine("7", suite.value.lower(), key),)


def test_no_text_of_a_line_shows_its_key() -> None:  # EDGE S14
    (line,) = lines(f"1 {C128} inline:{K128}")
    for text in (repr(line), str(line), f"{line}", repr((line,)), f"{line.key!r}"):
        assert "AES_CM_128_HMAC_SHA1_80" in text
        assert K128 not in text and "0123456789" not in text


ORDER = ("AES_CM_128", "AES_256_CM", "AES_192_CM")


def test_our_offer_has_the_specified_order() -> None:  # EDGE K9
    names = [name for name, _ in SdesRules.of(SrtpSettings()).offered]
    assert names == [f"{it}_HMAC_SHA1_{tag}" for tag in (80, 32) for it in ORDER]
    assert SdesRules.of(SrtpSettings()).suites == ALL
    assert {it.value for it in SrtpSuite} == {it.value for it in Suite}


# (setting, names of the offers of two suites)                                           EDGE K2
NAMES = [
    (SuiteNames.IANA, ["AES_256_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"]),
    (SuiteNames.SEED, ["AES_CM_256_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"]),
    (
        SuiteNames.BOTH,
        ["AES_256_CM_HMAC_SHA1_32", "AES_CM_256_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"],
    ),
]


@pytest.mark.parametrize(("names", "expected"), NAMES)
def test_the_operator_names_and_orders_the_suites(names: SuiteNames, expected: list[str]) -> None:
    settings = SrtpSettings(suites=(SrtpSuite.AES_256_32, SrtpSuite.AES_128_80), suite_names=names)
    rules = SdesRules.of(settings)
    assert [name for name, _ in rules.offered] == expected
    assert rules.suites == {Suite.AES_256_CM_HMAC_SHA1_32, Suite.AES_CM_128_HMAC_SHA1_80}


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=4))
def test_any_text_is_lines_or_nothing(values: list[str]) -> None:
    for line in lines(*values):
        assert len(line.key.key) == line.key.suite.key_bytes


PIECES = [
    *("1", "0", "2", "99999999999", C128, C256.lower(), "inline:", f"inline:{K128}", K256, "|2^31"),
    *(
        "|1:1",
        "|",
        ":",
        ";",
        "WSH=64",
        "WSH=",
        "KDR=0",
        "-",
        "-X",
        "=",
        " ",
        "\t",
        "\xa0",
        "²",
        "^",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=10), st.sampled_from(["", " "]))
def test_any_order_of_pieces_is_a_line_or_nothing(pieces: list[str], between: str) -> None:
    for line in lines(between.join(pieces)):
        assert lines(written(line).strip().partition(":")[2])[0].key.key == line.key.key
