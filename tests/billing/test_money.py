"""Money: exact where it can be, rounded half up where it is shown."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import cost_of_time, exact_text, percent_of, rounded, times, total

PRICES = st.decimals(0, 1_000_000, places=10)


@given(PRICES, st.integers(0, 10**9))
def test_tenths_of_a_minute_cost_a_finite_decimal(price: Decimal, tenths: int) -> None:
    assert Fraction(cost_of_time(price, 6 * tenths)) == Fraction(price) * tenths / 10


@given(st.lists(PRICES, max_size=50))
def test_a_sum_does_not_depend_on_the_order(amounts: list[Decimal]) -> None:
    assert Fraction(total(amounts)) == sum(map(Fraction, amounts), Fraction(0))
    assert total(amounts) == total(sorted(amounts))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0.005", "0.01"), ("0.0049", "0.00"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("7", "7.00")],
)
def test_a_half_is_rounded_up(amount: str, shown: str) -> None:
    assert str(rounded(Decimal(amount))) == shown


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00"), ("1E+3", "1000.00"), ("0.00049000", "0.00049"), ("1E-7", "0.0000001")],
)
def test_an_exact_text_has_no_power_of_ten(amount: str, text: str) -> None:
    assert exact_text(Decimal(amount)) == text


def test_a_share_of_nothing_has_no_percentage() -> None:
    assert percent_of(Decimal(1), Decimal(0)) is None
    assert percent_of(Decimal(1), Decimal(3)) == Decimal("33.33")


def test_a_price_times_a_quantity_is_exact() -> None:
    assert times(Decimal("0.1"), 3) == Decimal("0.3")
