"""Certificates from files: which is shown to whom, what a change does, when one ends (W7-W9)."""

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from edge.runtime.certificates import Certificates, SecretId, TlsFiles, client_context
from model.settings import TlsVerify
from tests.runtime.scripted import Lines
from tests.support.tls import TestCa

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DOMAIN = "voiceconnector.example.net"
WILDCARD = f"*.{DOMAIN}"
HOST = "abc.voiceconnector.example.net"
OWN = "own.voiceconnector.example.net"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> TestCa:
    return TestCa(tmp_path_factory.mktemp("ca"))


def certificates(
    files: TlsFiles, log: Lines | None = None, verify: TlsVerify = TlsVerify.FULL
) -> Certificates:
    found = Certificates(files, verify, DOMAIN, log or Lines())
    found.refresh(NOW)
    return found


def shake(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    name: str | None,
    session: ssl.SSLSession | None = None,
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Shake hands in memory; raises ssl.SSLError when one side will not."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = server.wrap_bio(to_server, to_client, server_side=True)
    there = client.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (there, here):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
        if len(done) == 2:
            return here, there
    raise AssertionError("the handshake does not end")


def shown(found: Certificates, ca: TestCa, name: str) -> set[str]:
    """Return the names of the certificate that a client sees who asks for a name."""
    client = ca.client()
    client.check_hostname = False
    assert found.server is not None
    certificate = shake(found.server, client, name)[1].getpeercert()
    assert certificate
    return {str(entry[1]) for entry in certificate["subjectAltName"]}


def test_the_wildcard_serves_every_connector_host(ca: TestCa) -> None:  # EDGE W8
    found = certificates(TlsFiles(certificate=ca.issue(WILDCARD, file="wildcard.pem")))
    assert found.server is not None
    shake(found.server, ca.client(), HOST)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(found.server, ca.client(), "other.example.net")


def test_a_host_with_a_certificate_of_its_own_shows_it_and_others_the_default(ca: TestCa) -> None:
    # EDGE W8
    ca.issue(OWN, file=f"hosts/{OWN}.pem")
    wildcard = ca.issue(WILDCARD, file="wildcard.pem")
    found = certificates(TlsFiles(certificate=wildcard, directory=ca.directory / "hosts"))
    assert shown(found, ca, OWN) == {OWN}
    assert shown(found, ca, OWN.upper()) == {OWN}
    assert shown(found, ca, HOST) == {WILDCARD}
    assert shown(found, ca, "unknown.example.org") == {WILDCARD}


def test_a_directory_alone_serves_whoever_asks_for_something_else_as_well(
    ca: TestCa,
) -> None:
    ca.issue(OWN, file=f"alone/{OWN}.pem")
    found = certificates(TlsFiles(directory=ca.directory / "alone"))
    assert shown(found, ca, "unknown.example.org") == {OWN}


def test_a_new_certificate_is_taken_without_a_restart(ca: TestCa) -> None:
    log = Lines()
    path = ca.issue("first.example.net", file="renewed.pem")
    found = certificates(TlsFiles(certificate=path), log)
    assert shown(found, ca, HOST) == {"first.example.net"}
    found.refresh(NOW)
    assert len(log.of("certificate-loaded")) == 1
    ca.issue("second.example.net", file="renewed.pem")
    found.refresh(NOW)
    assert shown(found, ca, HOST) == {"second.example.net"}
    assert [it["names"] for it in log.of("certificate-loaded")] == [
        "first.example.net",
        "second.example.net",
    ]


BREAKS: dict[str, Callable[[Path], object]] = {
    "not PEM": lambda path: path.write_text("no certificate"),
    "cut off": lambda path: path.write_text(path.read_text()[:-400]),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", BREAKS)
def test_a_broken_new_certificate_keeps_the_old_one_and_is_told_once(
    ca: TestCa, damage: str
) -> None:
    log = Lines()
    path = ca.issue(HOST, file="broken.pem")
    found = certificates(TlsFiles(certificate=path), log)
    BREAKS[damage](path)
    found.refresh(NOW)
    found.refresh(NOW)
    assert shown(found, ca, HOST) == {HOST}
    (line,) = log.of("certificate-refused")
    assert line["file"] == str(path) and "stays in use" in str(line["hint"])


def test_no_usable_certificate_is_no_server(ca: TestCa) -> None:
    log = Lines()
    missing = ca.directory / "missing.pem"
    found = certificates(TlsFiles(certificate=missing), log)
    assert found.server is None
    (line,) = log.of("certificate-refused")
    assert line == {
        "file": str(missing),
        "reason": "No such file or directory",
        "hint": "there is none",
    }


def test_a_certificate_of_its_own_that_is_removed_is_shown_no_longer(ca: TestCa) -> None:
    own = ca.issue(OWN, file=f"leaving/{OWN}.pem")
    wildcard = ca.issue(WILDCARD, file="wildcard.pem")
    found = certificates(TlsFiles(certificate=wildcard, directory=own.parent))
    own.unlink()
    found.refresh(NOW)
    assert shown(found, ca, OWN) == {WILDCARD}


def test_a_key_may_have_a_file_of_its_own(ca: TestCa) -> None:
    both = ca.issue(HOST, file="both.pem").read_text()
    begin = both.index("-----BEGIN CERTIFICATE-----")
    key, chain = ca.directory / "key.pem", ca.directory / "chain.pem"
    key.write_text(both[:begin])
    chain.write_text(both[begin:])
    assert certificates(TlsFiles(certificate=chain)).server is None
    assert certificates(TlsFiles(certificate=chain, key=key)).server is not None


VERSIONS = {
    ssl.TLSVersion.TLSv1_2: ("TLSv1.2", True),
    ssl.TLSVersion.TLSv1_3: ("TLSv1.3", True),
    ssl.TLSVersion.TLSv1_1: ("TLSv1.1", False),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_versions_and_ciphers(ca: TestCa, version: ssl.TLSVersion) -> None:  # EDGE W7
    found = certificates(TlsFiles(certificate=ca.issue(HOST, file="versions.pem")))
    client = ca.client()
    client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    client.maximum_version = version
    client.set_ciphers("ALL:@SECLEVEL=0")
    name, accepted = VERSIONS[version]
    assert found.server is not None
    if not accepted:
        with pytest.raises(ssl.SSLError):
            shake(found.server, client, HOST)
        return
    here, _ = shake(found.server, client, HOST)
    assert here.version() == name
    cipher = here.cipher()
    assert cipher is not None
    assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]
    assert here.compression() is None


def test_a_client_of_tls_1_2_without_forward_secrecy_or_aead_is_refused(ca: TestCa) -> None:
    # EDGE W7
    found = certificates(TlsFiles(certificate=ca.issue(HOST, file="versions.pem")))
    assert found.server is not None
    for ciphers in ("AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA"):
        client = ca.client()
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            shake(found.server, client, HOST)


def test_sessions_can_be_resumed_and_no_client_certificate_is_asked_for(ca: TestCa) -> None:
    # EDGE W7
    found = certificates(TlsFiles(certificate=ca.issue(HOST, file="versions.pem")))
    assert found.server is not None
    assert not found.server.options & ssl.OP_NO_TICKET
    assert found.server.options & ssl.OP_NO_RENEGOTIATION
    assert found.server.verify_mode is ssl.CERT_NONE
    client = ca.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    session = shake(found.server, client, HOST)[1].session
    assert session is not None and session.has_ticket
    assert shake(found.server, client, HOST, session)[1].session_reused


# As a client, EDGE W9


CASES = [
    (TlsVerify.FULL, True, HOST, True),
    (TlsVerify.FULL, True, "other.example.net", False),
    (TlsVerify.FULL, True, "127.0.0.1", True),
    (TlsVerify.FULL, True, "127.0.0.2", False),
    (TlsVerify.FULL, False, HOST, False),
    (TlsVerify.CHAIN, True, "other.example.net", True),
    (TlsVerify.CHAIN, False, HOST, False),
    (TlsVerify.OFF, False, "other.example.net", True),
]


@pytest.mark.parametrize(("verify", "trusts", "name", "accepted"), CASES)
def test_what_is_asked_of_a_peers_certificate(
    ca: TestCa, verify: TlsVerify, trusts: bool, name: str, accepted: bool
) -> None:
    server = certificates(TlsFiles(certificate=ca.issue(HOST, "127.0.0.1", file="peer.pem"))).server
    files = TlsFiles(ca=ca.path if trusts else None)
    assert server is not None
    client = certificates(files, verify=verify).client
    if accepted:
        shake(server, client, name)
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake(server, client, name)


def test_our_own_roots_stand_beside_the_public_ones(ca: TestCa) -> None:
    public = len(client_context(TlsVerify.FULL, None).get_ca_certs())
    assert len(client_context(TlsVerify.FULL, ca.path).get_ca_certs()) == public + 1


def test_new_roots_are_taken_without_a_restart_and_broken_ones_change_nothing(
    ca: TestCa, tmp_path: Path
) -> None:
    log, path = Lines(), tmp_path / "roots.pem"
    path.write_text("nothing")
    found = certificates(TlsFiles(ca=path), log)
    assert log.events() == ["certificate-refused"]
    before = found.client
    path.write_bytes(ca.path.read_bytes())
    found.refresh(NOW)
    assert found.client is not before


# When a certificate ends


@pytest.mark.parametrize(
    ("days", "events"),
    [
        (31, []),
        (30, ["certificate-expires"]),
        (8, ["certificate-expires"]),
        (-1, ["certificate-expired"]),
    ],
)
def test_the_end_of_a_certificate_is_told_ahead(ca: TestCa, days: int, events: list[str]) -> None:
    log = Lines()
    ends = NOW + timedelta(days=days)
    certificates(TlsFiles(certificate=ca.issue(WILDCARD, file="ending.pem", ends_at=ends)), log)
    assert log.events() == ["certificate-loaded", *events]


def test_it_is_told_once_for_30_days_for_7_and_at_the_end(ca: TestCa) -> None:
    log = Lines()
    path = ca.issue(HOST, file="ending.pem", ends_at=NOW + timedelta(days=40))
    found = certificates(TlsFiles(certificate=path), log)
    for hour in range(41 * 24):
        found.refresh(NOW + timedelta(hours=hour))
    assert [line["days"] for line in log.of("certificate-expires")] == [30, 7]
    assert len(log.of("certificate-expired")) == 1
    assert str(log.of("certificate-expires")[0]["ends"]).startswith("2026-07-11")


def test_the_first_to_end_says_how_long_tls_serves(ca: TestCa) -> None:  # EDGE X7
    directory = ca.directory / "several"
    directory.mkdir()
    for name, days in (("one.example.net", 90), ("two.example.net", 45)):
        ca.issue(name, file=f"several/{name}.pem", ends_at=NOW + timedelta(days=days, hours=1))
    found = certificates(TlsFiles(directory=directory))
    assert found.days_left(NOW) == 45
    assert found.days_left(NOW + timedelta(days=45, hours=2)) == -1
    assert certificates(TlsFiles()).days_left(NOW) is None


@pytest.mark.parametrize("year", [2040, 2060], ids=["UTCTime", "GeneralizedTime"])
def test_the_date_is_read_from_the_certificate(ca: TestCa, year: int) -> None:
    ends = datetime(year, 2, 3, 4, 5, 6, tzinfo=UTC)
    path = ca.issue(HOST, file="dated.pem", ends_at=ends)
    found = certificates(TlsFiles(certificate=path))
    assert (found.state.ends_at, found.state.covers_hosts) == (ends, False)


def test_a_certificate_that_is_not_for_the_hosts_of_connectors_is_used_and_told(
    ca: TestCa,
) -> None:  # EDGE W8
    log = Lines()
    found = certificates(TlsFiles(certificate=ca.issue(HOST, file="one.pem")), log)
    assert found.server is not None
    (line,) = log.of("certificate-misses-hosts")
    assert line["names"] == HOST and WILDCARD in str(line["hint"])
    certificates(TlsFiles(certificate=ca.issue(WILDCARD, file="wildcard.pem")), log)
    assert len(log.of("certificate-misses-hosts")) == 1


# From a secret

SECRET = SecretId("ovc/tls")


def from_secret(log: Lines, *texts: str) -> Certificates:
    found = certificates(TlsFiles(), log)
    for text in texts:
        found.take(SECRET, text, NOW)
    return found


def test_a_secret_serves_and_its_key_is_on_no_disk_and_in_no_line(ca: TestCa) -> None:
    # EDGE W7, W8, S15
    log = Lines()
    text = ca.issue(WILDCARD, file="secret.pem").read_text()
    (ca.directory / "secret.pem").unlink()
    found = from_secret(log, text)
    assert shown(found, ca, HOST) == {WILDCARD}
    assert found.state.is_open and found.state.covers_hosts
    (line,) = log.of("certificate-loaded")
    assert line["secret"] == "ovc/tls" and line["names"] == WILDCARD
    key = text.split("-----")[2].split()[1]
    assert len(key) == 64 and key not in repr(log.written) + repr(vars(found))
    left = {os.readlink(it) for it in Path("/proc/self/fd").iterdir() if it.is_symlink()}
    assert not [it for it in left if "certificate" in it]


def test_a_new_secret_is_shown_to_new_connections(ca: TestCa) -> None:
    first = ca.issue("first.example.net", file="a.pem").read_text()
    second = ca.issue("second.example.net", file="b.pem").read_text()
    found = from_secret(Lines(), first)
    before = found.server
    assert before is not None
    old_here, old_there = shake(before, ca.client(), "first.example.net")
    found.take(SECRET, second, NOW)
    assert shown(found, ca, HOST) == {"second.example.net"}
    old_there.write(b"still here")
    assert old_here.version() == "TLSv1.3"


def spoilt(ca: TestCa) -> dict[str, tuple[str, str]]:
    """Return texts that TLS cannot use, and what is said of each."""
    good = ca.issue(HOST, file="good.pem").read_text()
    other = ca.issue(HOST, file="other.pem").read_text()
    begin = "-----BEGIN CERTIFICATE-----"
    key, chain = good[: good.index(begin)], good[good.index(begin) :]
    foreign = other[: other.index(begin)]
    root = ca.path.read_text()
    private = load_pem_private_key(key.encode(), password=None)
    locked = private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    ).decode()
    damaged = chain.replace(chain[100:140], "A" * 40)
    ended = ca.issue(HOST, file="ended.pem", ends_at=NOW - timedelta(days=1)).read_text()
    return {
        "JSON": ('{"certificate": "..."}', "it is JSON; wanted is PEM"),
        "nothing": ("secret", "there is no whole certificate in it"),
        "no key": (chain, "there is no whole private key in it"),
        "half a key": (key[:-40] + chain, "there is no whole private key in it"),
        "an unreadable key": (chain + key.replace(key[60:100], "A" * 40), "key in it cannot"),
        "an encrypted key": (chain + locked, "its key is encrypted"),
        "another key": (chain + foreign, "its key is of another certificate"),
        "the wrong order": (key + root + chain, "put it first"),
        "a damaged certificate": (key + damaged, "a certificate in it cannot be read"),
        "an ended certificate": (ended, "it has ended already"),
    }


def test_what_the_library_does_not_know_changes_nothing_either(
    ca: TestCa, monkeypatch: pytest.MonkeyPatch
) -> None:  # EDGE W8
    text = ca.issue(WILDCARD, file="odd.pem").read_text()

    def refuse(pem: bytes) -> x509.Certificate:
        raise x509.InvalidVersion("1 is not a valid X509 version", 1)

    monkeypatch.setattr(x509, "load_pem_x509_certificate", refuse)
    log = Lines()
    assert from_secret(log, text).server is None
    assert "of a kind that cannot be used" in str(log.of("certificate-refused")[0]["reason"])


def test_the_same_secret_is_loaded_once(ca: TestCa) -> None:
    log, text = Lines(), ca.issue(WILDCARD, file="same.pem").read_text()
    from_secret(log, text, text)
    assert len(log.of("certificate-loaded")) == 1


@pytest.mark.parametrize(
    "what",
    [
        *("JSON", "nothing", "no key", "half a key", "an unreadable key", "an encrypted key"),
        *("another key", "the wrong order", "a damaged certificate", "an ended certificate"),
    ],
)
def test_a_bad_secret_changes_nothing_and_is_told_without_its_key(ca: TestCa, what: str) -> None:
    # EDGE W8, S15
    text, reason = spoilt(ca)[what]
    good = ca.issue(WILDCARD, file="kept.pem").read_text()
    log = Lines()
    found = from_secret(log, good, text)
    assert shown(found, ca, HOST) == {WILDCARD}
    (line,) = log.of("certificate-refused")
    assert reason in str(line["reason"]) and "stays in use" in str(line["hint"])
    body = [it for it in text.split() if len(it) == 64]
    assert not [it for it in body if it in repr(log.written)]
    if what != "an ended certificate":
        alone = Lines()
        assert from_secret(alone, text).server is None
        assert alone.of("certificate-refused")[0]["hint"] == "there is none"


def test_a_host_may_have_a_file_beside_the_secret(ca: TestCa) -> None:  # EDGE W8
    own = ca.issue(OWN, file=f"beside/{OWN}.pem")
    found = certificates(TlsFiles(directory=own.parent))
    found.take(SECRET, ca.issue(WILDCARD, file="secret.pem").read_text(), NOW)
    assert shown(found, ca, OWN) == {OWN}
    assert shown(found, ca, HOST) == {WILDCARD}
    found.refresh(NOW)
    assert shown(found, ca, HOST) == {WILDCARD}
