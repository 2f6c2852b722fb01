"""The forms in which clients write a phone number (API PN1, PN2)."""

from urllib.parse import unquote

from lambdas.management.percent import encoded
from model.numbers import is_e164


def normalised(text: str) -> str | None:
    """Return a number in E.164 with its plus; None for what is no number.

    Clients leave the plus out, or percent-encode the whole, once more than its place demands.
    """
    plain = unquote(text).strip()
    e164 = plain if plain.startswith("+") else f"+{plain}"
    return e164 if is_e164(e164) else None


def phone_number_id(e164: str) -> str:
    """Return the PhoneNumberId of answers: the percent-encoded number (API PN1)."""
    return encoded(e164)
