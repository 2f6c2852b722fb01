"""The CA of the local run: one for a user, kept, and nobody else's."""

import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.ca import LocalCa, ca_directory


def names_in(path: Path, ca: LocalCa) -> set[str]:
    """Return the names of a certificate that a client of the CA accepts."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=str(ca.path))
    client.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = server.wrap_bio(to_server, to_client, server_side=True)
    there = client.wrap_bio(to_client, to_server)
    for _ in range(3):
        for side in (there, here):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    shown = there.getpeercert()
    assert shown
    return {str(entry[1]) for entry in shown["subjectAltName"]}


def test_a_ca_is_made_once_and_read_from_then_on(tmp_path: Path) -> None:  # ARCHITECTURE A14
    made = LocalCa(tmp_path)
    before = made.path.read_bytes()
    again = LocalCa(tmp_path)
    assert again.path.read_bytes() == before
    again.issue(tmp_path / "pbx.pem", "*.voiceconnector.localhost", "127.0.0.1")
    wanted = {"*.voiceconnector.localhost", "127.0.0.1"}
    assert names_in(tmp_path / "pbx.pem", made) == wanted


def test_its_keys_are_for_nobody_else(tmp_path: Path) -> None:
    made = LocalCa(tmp_path)
    made.issue(tmp_path / "pbx.pem", "pbx")
    for name in ("ca.key", "pbx.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.path.read_bytes()


def test_several_at_once_make_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: LocalCa(tmp_path).path.read_bytes(), range(8)))
    assert len(set(found)) == 1


def test_it_is_kept_where_a_restart_of_the_machine_does_not_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ca_directory() == tmp_path / ".cache" / "ovc" / "ca"
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    assert ca_directory() == tmp_path / "run" / "ovc" / "ca"
