"""The query of an extension, parameter by parameter; every refusal names the parameter (EXT2)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lambdas.management.errors import BadRequest

LARGEST_PAGE = 100

_FIRST_YEAR = 1970
_CONNECTOR_ID = re.compile(r"[a-z0-9-]{1,36}")
_NUMBER = re.compile(r"[+0-9A-Za-z._-]{1,64}")
_SIZE = re.compile(r"[0-9]{1,4}")
_SECONDS = re.compile(r"[0-9]{1,5}")


class Query:
    """Decoded parameters, each of them known to the resource."""

    def __init__(self, given: Mapping[str, str], known: Iterable[str], label: str = "") -> None:
        """Take what was given; raises BadRequest for a name that is not known.

        `label` is the part of the path that names one of the things the resource is about.
        """
        unknown = sorted(set(given) - set(known))
        if unknown:
            names = ", ".join(sorted(known)) or "none"
            raise BadRequest(
                f"{unknown[0][:64]!r} is no parameter of this resource; it has {names}"
            )
        self._given = given
        self.label = label

    def text(self, name: str) -> str | None:
        """Return a parameter as it is; None when it is absent or empty."""
        return self._given.get(name) or None

    def connector_id(self) -> str | None:
        """Return the parameter connector-id."""
        return self._fitting("connector-id", _CONNECTOR_ID, "an id of a Voice Connector")

    def number(self) -> str | None:
        """Return the parameter number: a number as records show it (EDGE C2)."""
        return self._fitting("number", _NUMBER, "a number such as +12065550100, with + as %2B")

    def span(self) -> tuple[datetime | None, datetime | None]:
        """Return the parameters from and to; the second lies behind the first."""
        since, before = self._moment("from"), self._moment("to")
        if since is not None and before is not None and before <= since:
            text = self._given["to"]
            raise BadRequest(f"to is {text[:64]!r}; a moment behind from is wanted")
        return since, before

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """Return one of a few words."""
        text = self.text(name)
        if text is not None and text not in (known := list(choices)):
            raise BadRequest(f"{name} is {text[:64]!r}; one of {', '.join(known)} is wanted")
        return text

    def page_size(self) -> int:
        """Return the parameter max-results."""
        text = self.text("max-results")
        if text is None:
            return LARGEST_PAGE
        if not _SIZE.fullmatch(text) or not 1 <= int(text) <= LARGEST_PAGE:
            wanted = f"a number from 1 to {LARGEST_PAGE} is wanted"
            raise BadRequest(f"max-results is {text[:64]!r}; {wanted}")
        return int(text)

    def seconds(self) -> int | None:
        """Return the parameter seconds; its bounds are the resource's business."""
        text = self._fitting("seconds", _SECONDS, "a whole number of seconds")
        return None if text is None else int(text)

    def _moment(self, name: str) -> datetime | None:
        """Return a moment in UTC to the millisecond; no zone means UTC, a date its beginning."""
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _no_moment(name, text) from None
        if moment.year < _FIRST_YEAR:
            raise _no_moment(name, text)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _fitting(self, name: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        text = self.text(name)
        if text is not None and not pattern.fullmatch(text):
            raise BadRequest(f"{name} is {text[:64]!r}; {wanted} is wanted")
        return text


def _no_moment(name: str, text: str) -> BadRequest:
    wanted = f"a moment from {_FIRST_YEAR} on is wanted, such as 2026-01-31T12:00:00Z, or a date"
    return BadRequest(f"{name} is {text[:64]!r}; {wanted}")
