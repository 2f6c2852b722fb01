"""Rate cards and price lists: those that come with the product, and the user's own files."""

from importlib.resources import files
from pathlib import Path

from billing.aws_prices import AwsPrices, read_aws_prices
from billing.rate_card import RateCard, read_rate_card
from billing.toml_table import FileProblem
from cli.errors import CommandError, ExitCode

_LARGEST_FILE = 1_000_000
"""Bytes; ten thousand prefixes have a fifth of it."""


def amazon() -> RateCard:
    """Return the whitepaper's column of Amazon."""
    return _built_in_card("amazon.toml")


def offerings() -> tuple[RateCard, ...]:
    """Return the other columns of the whitepaper's table, in its order."""
    return tuple(_built_in_card(f"offering-{number}.toml") for number in (1, 2, 3))


def rate_card(path: Path) -> RateCard:
    """Return the card of a file; raises CommandError that says what is wrong with it."""
    try:
        return read_rate_card(_text(path), str(path))
    except FileProblem as problem:
        raise CommandError(str(problem), ExitCode.USAGE) from problem


def aws_prices(path: Path | None) -> AwsPrices:
    """Return AWS's prices of a file, or those that come with the product."""
    if path is None:
        name = "aws-us-east-1.toml"
        return read_aws_prices(_built_in(name), name)
    try:
        return read_aws_prices(_text(path), str(path))
    except FileProblem as problem:
        raise CommandError(str(problem), ExitCode.USAGE) from problem


def _built_in_card(name: str) -> RateCard:
    return read_rate_card(_built_in(name), name)


def _built_in(name: str) -> str:
    return files("billing.data").joinpath(name).read_text("utf-8")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            limit = f"at most {_LARGEST_FILE} bytes are read"
            raise CommandError(f"{path}: it is too large; {limit}", ExitCode.USAGE)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", ExitCode.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: it is not UTF-8: {error}", ExitCode.USAGE) from error
