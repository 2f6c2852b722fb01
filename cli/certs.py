"""`ovc certs`: the CA of the local run, for phones and PBXs that speak TLS."""

import re
import sys
from pathlib import Path

from cli.errors import CommandError, ExitCode
from emulator.ca import LocalCa, ca_directory

_NAME = re.compile(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def run(*, out: Path | None, name: str | None, print_ca: bool) -> None:
    """Say where the CA is, print it, or write it and a certificate into a directory."""
    if name is not None and out is None:
        raise CommandError("--name needs --out DIR, where the certificate goes", ExitCode.USAGE)
    if name is not None and _NAME.fullmatch(name) is None:
        raise CommandError(
            f"--name is {name!r}; a host name or IPv4 address is wanted", ExitCode.USAGE
        )
    try:
        ca = LocalCa(ca_directory())
        if print_ca:
            sys.stdout.write(ca.path.read_text())
        elif out is None:
            sys.stdout.write(f"{ca.path}\n")
        else:
            _write(ca, out, name)
    except OSError as error:
        raise CommandError(f"{error.filename or out}: {error.strerror}") from error


def _write(ca: LocalCa, out: Path, name: str | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    root = out / "ovc-ca.crt"
    root.write_bytes(ca.path.read_bytes())
    sys.stdout.write(f"{root}\n")
    if name is not None:
        path = out / f"{name.replace('*', 'any')}.pem"
        ca.issue(path, name)
        sys.stdout.write(f"{path}\n")
