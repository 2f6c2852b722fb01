"""`ovc certs check` and `ovc certs put`: what is refused, and where it goes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli import certificate
from cli.errors import CommandError, ExitCode
from edge.runtime.pem import read_bundle
from tests.support.tls import TestCa

DOMAIN = "voiceconnector.example.com"
WILDCARD = f"*.{DOMAIN}"
NOW = datetime(2026, 11, 26, tzinfo=UTC)
AWS: dict[str, Any] = {"prefix": "lab", "region": "us-east-1", "secret": None, "domain": DOMAIN}


@pytest.fixture
def ca(tmp_path: Path) -> TestCa:
    return TestCa(tmp_path)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager of an account, inside this process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-east-1")


def problems(text: str, domain: str = DOMAIN, now: datetime = NOW) -> dict[str, str]:
    found = certificate.findings(text, domain, now)
    return {it.subject: it.problem for it in found if it.problem is not None}


def test_a_good_one_is_told_line_by_line(ca: TestCa, capsys: pytest.CaptureFixture[str]) -> None:
    path = ca.issue(WILDCARD, file="good.pem", ends_at=datetime.now(UTC) + timedelta(days=60))
    certificate.check([path], domain=DOMAIN)
    lines = capsys.readouterr().out.splitlines()
    assert [it.split(":")[0] for it in lines] == [
        *("ok       certificate and key", "ok       names", "ok       dates", "ok       chain"),
    ]
    assert "good for 59 days" in lines[2] and "clients must trust" in lines[3]
    assert "PRIVATE" not in "".join(lines)


def test_chain_and_key_may_have_files_of_their_own(ca: TestCa) -> None:
    # As ACME clients write them.
    both = ca.issue(WILDCARD, file="both.pem").read_text()
    begin = both.index("-----BEGIN CERTIFICATE-----")
    chain, key = ca.directory / "fullchain.pem", ca.directory / "privkey.pem"
    chain.write_text(both[begin:].rstrip())
    key.write_text(both[:begin])
    assert problems(certificate.read_text([chain, key])) == {}
    assert "no whole private key" in problems(certificate.read_text([chain]))["certificate and key"]


def test_what_clients_would_refuse_is_a_problem(ca: TestCa) -> None:
    other = ca.issue("sip.example.com", file="other.pem").read_text()
    assert f"sip.example.com; wanted is {WILDCARD}" in problems(other)["names"]
    ended = ca.issue(WILDCARD, file="ended.pem", ends_at=NOW - timedelta(days=1)).read_text()
    assert "it ended on 2026-11-25" in problems(ended)["dates"]
    good = ca.issue(WILDCARD, file="good.pem", ends_at=NOW + timedelta(days=60)).read_text()
    early = read_bundle(good).begins_at - timedelta(days=1)
    assert "it begins only on" in problems(good, now=early)["dates"]
    assert problems(good, domain=DOMAIN.upper()) == {}


def test_a_chain_that_does_not_hold_together_is_a_problem(ca: TestCa, tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = TestCa(tmp_path / "stranger").path.read_text()
    good = ca.issue(WILDCARD, file="good.pem").read_text()
    assert problems(good + ca.path.read_text()) == {}
    assert "did not issue it" in problems(good + stranger)["chain"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing\.pem: No such file") as problem:
        certificate.check([tmp_path / "missing.pem"], domain=DOMAIN)
    assert problem.value.exit_code is ExitCode.USAGE
    (tmp_path / "pkcs12").write_bytes(b"\x30\x82\xff\xfe")
    with pytest.raises(CommandError, match="wanted is PEM, not DER"):
        certificate.check([tmp_path / "pkcs12"], domain=DOMAIN)


def test_a_problem_ends_with_one(ca: TestCa) -> None:
    with pytest.raises(SystemExit) as ended:
        certificate.check([ca.issue("a.example.com", file="a.pem")], domain=DOMAIN)
    assert ended.value.code == 1


def test_the_first_is_made_and_the_next_is_a_version(
    ca: TestCa, secrets: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ca.issue(WILDCARD, file="first.pem")
    certificate.put([first], **AWS)
    assert "deploy lab-edge with -c ovc:tls_secret=lab/tls" in capsys.readouterr().out
    # What the edge reads is what it can use.
    stored = secrets.get_secret_value(SecretId="lab/tls")["SecretString"]
    assert read_bundle(stored).covers(DOMAIN)
    second = ca.issue(WILDCARD, file="second.pem")
    certificate.put([second], **AWS)
    assert "take within five minutes" in capsys.readouterr().out
    assert secrets.get_secret_value(SecretId="lab/tls")["SecretString"] == second.read_text()
    before = secrets.get_secret_value(SecretId="lab/tls", VersionStage="AWSPREVIOUS")
    assert before["SecretString"] == first.read_text()
    certificate.put([first], **AWS | {"secret": "elsewhere"})
    assert secrets.get_secret_value(SecretId="elsewhere")["SecretString"] == first.read_text()


def test_a_bad_one_is_not_put(ca: TestCa, secrets: Any) -> None:
    certificate.put([ca.issue(WILDCARD, file="good.pem")], **AWS)
    before = secrets.get_secret_value(SecretId="lab/tls")["VersionId"]
    with pytest.raises(CommandError, match="nothing was put"):
        certificate.put([ca.issue("a.example.com", file="a.pem")], **AWS)
    assert secrets.get_secret_value(SecretId="lab/tls")["VersionId"] == before


def test_it_is_not_guessed_which_deployment_is_meant(ca: TestCa) -> None:
    path = ca.issue(WILDCARD, file="good.pem")
    with pytest.raises(CommandError, match="--prefix ovc") as problem:
        certificate.put([path], **AWS | {"prefix": None, "region": None})
    assert problem.value.exit_code is ExitCode.USAGE


def test_a_refusal_of_secrets_manager_shows_no_key(
    ca: TestCa, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        exceptions = secrets.exceptions

        def put_secret_value(self, **_: str) -> None:
            told = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
            raise ClientError(told, "PutSecretValue")  # type: ignore[arg-type]  # a part of it

    monkeypatch.setattr(certificate, "client", lambda *_, **__: Refusing())
    with pytest.raises(CommandError, match=r"lab/tls was not put: .*not authorized") as problem:
        certificate.put([ca.issue(WILDCARD, file="good.pem")], **AWS)
    assert "PRIVATE" not in str(problem.value)
