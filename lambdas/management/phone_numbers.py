"""The forms in which clients write a phone number (API PN1, PN2)."""

from collections.abc import Sequence
from urllib.parse import unquote

from lambdas.management.errors import BadRequest
from lambdas.management.parameters import Parameters
from lambdas.management.percent import encoded
from model.numbers import is_e164

MOST_NUMBERS = 10_000
"""Of one request: they are written within a minute, and the answer stays below Lambda's 6 MB."""


def normalised(text: str) -> str | None:
    """Return a number in E.164 with its plus; None for what is no number.

    Clients leave the plus out, or percent-encode the whole, once more than its place demands.
    """
    plain = unquote(text).strip()
    e164 = plain if plain.startswith("+") else f"+{plain}"
    return e164 if is_e164(e164) else None


def wanted_numbers(parameters: Parameters) -> list[str]:
    """Return the numbers of a request in E.164, in its order; raises BadRequest for too many."""
    texts = parameters.texts("E164PhoneNumbers")
    check_amount("E164PhoneNumbers", len(texts))
    return [number for text in texts if (number := normalised(text)) is not None]


def check_amount(member: str, amount: int) -> None:
    """Raise BadRequest for more numbers than one request may have (API PN8)."""
    if amount > MOST_NUMBERS:
        raise BadRequest(f"{member} has {amount} entries; at most {MOST_NUMBERS} is allowed")


def check_ids(member: str, texts: Sequence[str]) -> None:
    """Raise BadRequest for too many ids, or one that is blank and so cannot be answered about."""
    check_amount(member, len(texts))
    for index, text in enumerate(texts):
        if not text.strip():
            raise BadRequest(f"{member}[{index}] is {text!r}; a phone number is wanted")


def identified(text: str) -> str:
    """Return the number that an id means; what means none is returned as it is, unknown (PN1)."""
    return normalised(text) or text


def phone_number_id(e164: str) -> str:
    """Return the PhoneNumberId of answers: the percent-encoded number (API PN1)."""
    return encoded(e164)
