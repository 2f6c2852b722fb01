"""`ovc certs`: where the CA is, its certificate, and one for a PBX."""

import ssl
from pathlib import Path

import pytest

from cli import certs
from cli.errors import CommandError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_without_options_it_says_where_the_certificate_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certs.run(out=None, name=None, print_ca=False)
    said = capsys.readouterr().out.strip()
    assert said == str(home / ".cache" / "ovc" / "ca" / "ca.crt")
    certs.run(out=None, name=None, print_ca=True)
    assert capsys.readouterr().out == Path(said).read_text()


def test_it_writes_the_ca_and_a_certificate_for_a_pbx(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certs.run(out=home / "new" / "phone", name="192.0.2.7", print_ca=False)
    root, pbx = capsys.readouterr().out.splitlines()
    assert [Path(it).name for it in (root, pbx)] == ["ovc-ca.crt", "192.0.2.7.pem"]
    assert ssl.create_default_context(cafile=root).get_ca_certs()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pbx)
    certs.run(out=home, name="*.example.com", print_ca=False)
    assert capsys.readouterr().out.splitlines()[1] == str(home / "any.example.com.pem")


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a b", "pbx..example"])
def test_what_is_no_host_names_no_file(home: Path, name: str) -> None:
    with pytest.raises(CommandError, match="--name is"):
        certs.run(out=home, name=name, print_ca=False)


def test_a_certificate_needs_a_place(home: Path) -> None:
    with pytest.raises(CommandError, match="--name needs --out"):
        certs.run(out=None, name="pbx", print_ca=False)


def test_a_place_that_cannot_be_written_is_named(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(CommandError, match=r"file: (File exists|Not a directory)"):
        certs.run(out=home / "file", name=None, print_ca=False)
