"""What an operator chooses for the records of calls that have ended (EDGE 6, X10)."""

import re
from dataclasses import dataclass

from model.checks import check
from model.cqr import QUALITY_PREFIX
from model.record_form import KEY_PREFIX, RecordForm, RecordFormat, TimeForm
from model.recordings import RECORDING_PREFIX

LONGEST_PREFIX = 256

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
"""What neither S3, nor a policy, nor a query over the bucket reads as anything but itself."""
_TAKEN = (QUALITY_PREFIX, RECORDING_PREFIX)
"""Prefixes of objects that are no detail records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettings:
    """What is stored of calls, and how; a change concerns calls that are answered after it."""

    format: RecordFormat = RecordFormat.SEED
    time: TimeForm = TimeForm.EPOCH_MS
    """Of the format `seed`; the other one has whole seconds (EDGE C5)."""
    prefix: str = KEY_PREFIX
    """Of the keys of detail records, without a slash at its end (EDGE C1)."""
    former_prefixes: tuple[str, ...] = ()
    """Prefixes of before, which calls that were up when it changed still write to: the deployment
    keeps its rights there (docs/records.md)."""
    quality: bool = False
    """Whether the quality of each answered call becomes an object beside its detail record."""

    def __post_init__(self) -> None:
        """Refuse a form that no record can have, and a prefix that others' objects have."""
        fits = self.format is RecordFormat.SEED or self.time is TimeForm.EPOCH_MS
        wanted = f"{TimeForm.EPOCH_MS.value!r} with the format v2, whose times are whole seconds"
        check("time", self.time.value, fits, wanted)
        _check_prefix("prefix", self.prefix)
        for former in self.former_prefixes:
            _check_prefix("former_prefixes", former)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return every prefix that records are still written under."""
        return tuple(dict.fromkeys((self.prefix, *self.former_prefixes)))

    def form_in(self, region: str) -> RecordForm:
        """Return the form of the records of a connector in a region."""
        is_v2 = self.format is RecordFormat.V2
        return RecordForm(
            format=self.format,
            time=self.time,
            prefix=self.prefix,
            region=region if is_v2 else None,
        )


def _check_prefix(name: str, prefix: str) -> None:
    is_path = _PREFIX.fullmatch(prefix) is not None and len(prefix) <= LONGEST_PREFIX
    wanted = "a path of letters, digits and ._- such as telephony/cdrs, without / at its ends"
    check(name, prefix, is_path, wanted)
    for taken in _TAKEN:
        is_apart = not _is_inside(prefix, taken) and not _is_inside(taken, prefix)
        check(name, prefix, is_apart, f"a prefix that is apart from {taken}")


def _is_inside(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")
