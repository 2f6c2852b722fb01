"""`ovc numbers`: import a pool, port a number in, release one."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cli import pool_file, supply
from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from cli.supply import SupplyError
from lambdas.management.errors import ApiError
from lambdas.management.ids import SystemIds
from lambdas.management.repository import Repository
from model.numbers import is_e164

PRODUCT_TYPES = ("VoiceConnector", "SipMediaApplicationDialIn")
LONGEST_NAME = 256
_NAME = re.compile(r"[a-zA-Z0-9,._-]+(\s+[a-zA-Z0-9,._-]+)*", re.ASCII)
"""API PN11."""


def run_import(
    *, file: Path, dry_run: bool, prefix: str | None, region: str | None, api_port: int | None
) -> None:
    """Put the numbers of a file into the pool, or say what is wrong with it and change nothing."""
    entries, problems = pool_file.read(_lines(file))
    with _database(prefix, region, api_port) as found:
        verdict = supply.judged(found, entries)
        problems = sorted([*problems, *verdict.problems])
        for problem in problems:
            sys.stderr.write(f"{file}: {problem}\n")
        if problems:
            raise CommandError(
                f"{file}: lines with a problem: {len(problems)}; nothing was imported",
                ExitCode.USAGE,
            )
        if not dry_run:
            supply.offer(found, verdict.new)
    done = "would be imported" if dry_run else "imported"
    _say(f"{len(verdict.new)} {done}, {verdict.known} were in the pool already")


def run_port_in(
    *,
    number: str,
    name: str | None,
    product_type: str,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> None:
    """Put a number of another operator into the inventory."""
    if product_type not in PRODUCT_TYPES:
        choices = " or ".join(PRODUCT_TYPES)
        raise CommandError(
            f"--product-type is {product_type!r}; {choices} is wanted", ExitCode.USAGE
        )
    if name is not None and not (len(name) <= LONGEST_NAME and _NAME.fullmatch(name)):
        raise CommandError(
            f"--name is {name!r}; words of letters, digits and ,._- are wanted, at most "
            f"{LONGEST_NAME} characters",
            ExitCode.USAGE,
        )
    with _database(prefix, region, api_port) as found:
        order = supply.port_in(
            found,
            number,
            name=name,
            product_type=product_type,
            ids=SystemIds(),
            now=datetime.now(UTC),
        )
    _say(f"{number} is in the inventory, by order {order.order_id}")


def run_release(
    *, number: str, prefix: str | None, region: str | None, api_port: int | None
) -> None:
    """Take a number that no connector holds out of the deployment."""
    if not is_e164(number):
        raise CommandError(f"{number!r} is no number in E.164, as +12065550123", ExitCode.USAGE)
    with _database(prefix, region, api_port) as found:
        where = supply.release(found, number)
    _say(f"{number} is released; it was in the {where}")


def _lines(file: Path) -> list[str]:
    try:
        # With the mark that spreadsheets put first, or without it.
        with file.open(newline="", encoding="utf-8-sig") as text:
            return list(text)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", ExitCode.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: it is not UTF-8: {error}", ExitCode.USAGE) from error


@contextmanager
def _database(prefix: str | None, region: str | None, api_port: int | None) -> Iterator[Repository]:
    """Give the repository; what goes wrong with it or in it becomes a CommandError."""
    try:
        yield repository(prefix=prefix, region=region, api_port=api_port)
    except SupplyError as error:
        raise CommandError(str(error)) from error
    except ApiError as error:
        cause = error.__cause__ or error
        raise CommandError(f"the table of numbers cannot be used: {cause}") from error
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the table of numbers cannot be used: {error}") from error


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
