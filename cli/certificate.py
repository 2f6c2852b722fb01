"""`ovc certs check` and `ovc certs put`: a certificate looked at as the edge will look at it."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import client
from cli.errors import CommandError, ExitCode
from cli.findings import Finding, told
from edge.runtime.pem import Bundle, PemProblemError, read_bundle
from model.tables import DEFAULT_PREFIX, tls_secret_name

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

SHORT = timedelta(days=14)
LONGEST_BYTES = 65_536
"""Of a secret (Secrets Manager)."""


def check(files: Sequence[Path], *, domain: str) -> None:
    """Say what is in PEM files; exit code 1 when TLS, or clients, could not use it."""
    if told(findings(read_text(files), domain, datetime.now(UTC))):
        sys.exit(ExitCode.FAILED)


def put(
    files: Sequence[Path],
    *,
    domain: str,
    secret: str | None,
    prefix: str | None,
    region: str | None,
) -> None:
    """Check PEM files and make them the certificate of a deployment."""
    if prefix is None and region is None:
        raise CommandError("say which deployment gets it: --prefix ovc", ExitCode.USAGE)
    text = read_text(files)
    if told(findings(text, domain, datetime.now(UTC))):
        raise CommandError("nothing was put; the secret is as it was")
    name = prefix or DEFAULT_PREFIX
    secret = secret or tls_secret_name(name)
    try:
        manager = client("secretsmanager", prefix=name, region=region, api_port=None)
        is_new = _store(manager, secret, text)
    except (BotoCoreError, ClientError) as error:
        # Its own words hold nothing of what was sent.
        raise CommandError(f"the secret {secret} was not put: {error}") from error
    sys.stdout.write(f"{_what_follows(secret, name, is_new=is_new)}\n")


def read_text(files: Sequence[Path]) -> str:
    """Return what is in files, one behind the other; raises CommandError."""
    try:
        text = "\n".join(file.read_text().strip() for file in files) + "\n"
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}"
        raise CommandError(problem, ExitCode.USAGE) from error
    except UnicodeDecodeError as error:
        problem = "that is no text; wanted is PEM, not DER or PKCS #12: openssl x509 converts it"
        raise CommandError(problem, ExitCode.USAGE) from error
    return text


def findings(text: str, domain: str, now: datetime) -> Iterator[Finding]:
    """Judge a PEM text, for the hosts of a domain's connectors."""
    try:
        bundle = read_bundle(text)
    except PemProblemError as error:
        yield Finding("certificate and key", str(error))
        return
    yield Finding("certificate and key", None, "belong together")
    yield _names(bundle, domain)
    yield _dates(bundle, now)
    yield _chain(bundle)
    if len(text.encode()) > LONGEST_BYTES:
        yield Finding(
            "size", f"a secret takes {LONGEST_BYTES} bytes: leave out what is not its chain"
        )


def _names(bundle: Bundle, domain: str) -> Finding:
    wanted = f"*.{domain.lower()}"
    if bundle.covers(domain):
        return Finding("names", None, f"{wanted}: the host of every connector")
    found = ", ".join(bundle.names) or "none"
    return Finding("names", f"{found}; wanted is {wanted}, or clients that connect refuse it")


def _dates(bundle: Bundle, now: datetime) -> Finding:
    left, day = bundle.ends_at - now, bundle.ends_at.date().isoformat()
    if left <= timedelta():
        return Finding("dates", f"it ended on {day}; get another one")
    if bundle.begins_at > now:
        return Finding("dates", f"it begins only on {bundle.begins_at.isoformat()}")
    soon = "; renew it soon" if left < SHORT else ""
    return Finding("dates", None, f"good for {left.days} days, until {day}{soon}")


def _chain(bundle: Bundle) -> Finding:
    if bundle.breaks_at is not None:
        problem = f"the certificate behind {bundle.breaks_at} did not issue it: mend the order"
        return Finding("chain", problem)
    behind = f"{bundle.chain_length} behind it" if bundle.chain_length else "none"
    return Finding("chain", None, f"{behind}; clients must trust {bundle.issuer}")


def _store(manager: "SecretsManagerClient", secret: str, text: str) -> bool:
    """Write a version of the secret; tell whether it was not there before."""
    try:
        manager.put_secret_value(SecretId=secret, SecretString=text)
    except manager.exceptions.ResourceNotFoundException:
        manager.create_secret(
            Name=secret,
            Description="Certificate, chain and key of SIP over TLS (Open Voice Connector)",
            SecretString=text,
        )
        return True
    return False


def _what_follows(secret: str, prefix: str, *, is_new: bool) -> str:
    if is_new:
        return (
            f"{secret} was made. Unless it is named already: deploy {prefix}-edge with "
            f"-c ovc:tls_secret={secret}"
        )
    return (
        f"{secret} has a new version, which nodes take within five minutes; "
        f"ovc doctor --prefix {prefix} tells whether they have"
    )
