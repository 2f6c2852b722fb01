"""Money: exact decimals, rounded once, where a person reads them.

A call is billed by tenths of a minute, so that what it costs is a finite decimal: sums of calls are
exact, in whatever order or grouping they are made. An amount is rounded when it is shown, half up,
each by itself: shown lines may differ from their shown sum by half a cent each, and the sum is
right. Only minutes that come from no record, such as a third of 350, can leave an endless decimal;
it is cut after 60 digits.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

NOTHING = Decimal(0)
_DIGITS = Context(
    prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow]
)
_SECONDS_PER_MINUTE = Decimal(60)
_CENTS = 2


def times(price: Decimal, quantity: Decimal | int) -> Decimal:
    """Return what a quantity costs."""
    return _DIGITS.multiply(price, Decimal(quantity))


def cost_of_time(per_minute: Decimal, seconds: int) -> Decimal:
    """Return what so many seconds cost; exact for multiples of 6."""
    return _DIGITS.divide(times(per_minute, seconds), _SECONDS_PER_MINUTE)


def plus(left: Decimal, right: Decimal) -> Decimal:
    """Return a sum."""
    return _DIGITS.add(left, right)


def minus(left: Decimal, right: Decimal) -> Decimal:
    """Return a difference."""
    return _DIGITS.subtract(left, right)


def divided(dividend: Decimal | int, divisor: Decimal | int) -> Decimal:
    """Return a quotient; the divisor is not 0."""
    return _DIGITS.divide(Decimal(dividend), Decimal(divisor))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum of amounts, 0 of none."""
    found = NOTHING
    for amount in amounts:
        found = plus(found, amount)
    return found


def rounded(amount: Decimal, places: int = _CENTS) -> Decimal:
    """Return an amount with so many decimals, half up: a negative half goes away from 0."""
    return amount.quantize(Decimal(1).scaleb(-places), context=_DIGITS)


def exact_text(amount: Decimal, least_places: int = _CENTS) -> str:
    """Return an amount in full, with so many decimals at least, never in powers of ten."""
    text = f"{amount:f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(least_places, '0')}"


def percent_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return a share in percent with two decimals; None of nothing."""
    return None if whole == 0 else rounded(divided(times(part, 100), whole))
