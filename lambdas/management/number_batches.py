"""Changes of many phone numbers in one request, each judged for itself (API PN8).

The numbers that cannot be changed are listed in the answer, the others succeed. Numbers are written
many at a time; when one of them changed meanwhile, one by one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, Conflict, NotFound, ServiceUnavailable
from lambdas.management.number_repository import NUMBERS_PER_TRANSACTION
from lambdas.management.phone_numbers import phone_number_id
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber


class Refusal(NamedTuple):
    """Why one number of a batch was left as it is."""

    e164: str
    code: str
    message: str


class Accepted(NamedTuple):
    """A number that may be written; `done` when it already is as wanted."""

    number: InventoryNumber
    done: bool


_ERRORS = {error.code: error for error in (NotFound, Conflict, ServiceUnavailable)}
"""Of the code of a refusal; all others are bad requests."""

Verdict: TypeAlias = "Refusal | Accepted"
Judge: TypeAlias = "Callable[[str, InventoryNumber | None], Verdict]"
Write: TypeAlias = "Callable[[list[InventoryNumber]], None]"


def apply(context: Context, given: Iterable[str], judge: Judge, write: Write) -> list[Refusal]:
    """Write the numbers that `judge` accepts; return why the others were left as they are."""
    wanted = list(dict.fromkeys(given))
    owned = context.repository.numbers.owned(wanted)
    verdicts = [judge(e164, owned.get(e164)) for e164 in wanted]
    refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
    pending = [it.number for it in verdicts if isinstance(it, Accepted) and not it.done]
    for start in range(0, len(pending), NUMBERS_PER_TRANSACTION):
        chunk = pending[start : start + NUMBERS_PER_TRANSACTION]
        try:
            write(chunk)
        except Changed:
            singles = (_apply_single(context, it.e164, judge, write) for it in chunk)
            refusals += [refusal for refusal in singles if refusal is not None]
    return refusals


def apply_to(context: Context, e164: str, judge: Judge, write: Write) -> None:
    """Write one number; raises the error that its refusal is."""
    for refusal in apply(context, [e164], judge, write):
        error = _ERRORS.get(refusal.code)
        if error is not None:
            raise error(refusal.message)
        raise BadRequest(refusal.message, code=refusal.code)


def _apply_single(context: Context, e164: str, judge: Judge, write: Write) -> Refusal | None:
    """Judge one number anew until it is written, done or refused."""
    for _ in range(CONFLICT_ATTEMPTS):
        verdict = judge(e164, context.repository.numbers.get(e164))
        if isinstance(verdict, Refusal):
            return verdict
        if verdict.done:
            return None
        try:
            write([verdict.number])
        except Changed:
            continue
        return None
    message = "Other changes of the phone number stand in the way; try again"
    return Refusal(e164, "ServiceUnavailable", message)


def described(refusals: list[Refusal]) -> Answer:
    """Return the answer of a batch call: one error for each number that was left."""
    return {
        "PhoneNumberErrors": [
            {
                "PhoneNumberId": phone_number_id(refusal.e164),
                "ErrorCode": refusal.code,
                "ErrorMessage": refusal.message,
            }
            for refusal in refusals
        ]
    }
