"""Offers beside each other: every figure of the whitepaper's table."""

from decimal import Decimal

import pytest

from billing.comparison import (
    WHITEPAPER,
    NoRate,
    Usage,
    percent_saved,
    potential_savings,
    price_of,
    saved,
)
from billing.money import rounded
from cli.rate_files import offerings
from tests.billing.samples import AMAZON, WORLD

CARDS = (*offerings(), AMAZON)


def test_the_rates_are_those_of_the_table() -> None:
    # WHITEPAPER Table 1
    assert [str(card.inbound.general) for card in CARDS] == ["0.0000", "0.0000", "0.0045", "0.0022"]
    assert [str(card.outbound.general) for card in CARDS] == [
        *("0.0080", "0.0120", "0.0070", "0.0049"),
    ]
    assert [card.concurrent_call for card in CARDS] == [Decimal("0.8180"), Decimal("1.0907"), 0, 0]
    assert [str(card.number) for card in CARDS] == ["0.10", "1.00", "1.00", "1.00"]


def test_the_minutes_cost_what_the_table_says() -> None:
    # WHITEPAPER Table 1
    minutes = [str(rounded(price_of(card, WHITEPAPER).minutes)) for card in CARDS]
    assert minutes == ["1.87", "2.80", "2.16", "1.40"]


def test_the_normalised_prices_are_those_of_the_table() -> None:
    # WHITEPAPER Table 1. 1.87 + 0.8180 + 0.10 would be 2.79: the exact sum is rounded.
    normalised = [str(price_of(card, WHITEPAPER).normalised) for card in CARDS]
    assert normalised == ["2.78", "4.89", "3.16", "2.40"]


def test_the_savings_are_those_of_the_table() -> None:
    # WHITEPAPER Table 1. From exact prices they would be 14.84, 68.33 and 27.29.
    amazon = price_of(AMAZON, WHITEPAPER).normalised
    found = [potential_savings(price_of(it, WHITEPAPER).normalised, amazon) for it in offerings()]
    assert [f"{it}%" for it in found] == ["14.67%", "68.31%", "27.34%"]


def test_what_is_saved_of_what_is_paid_is_less() -> None:
    # WHITEPAPER, Low Cost and Reduced TCO: "up to 50%"
    amazon = price_of(AMAZON, WHITEPAPER).normalised
    paid = [price_of(it, WHITEPAPER).normalised for it in offerings()]
    assert [percent_saved(it, amazon) for it in paid] == [
        *(Decimal("13.67"), Decimal("50.92"), Decimal("24.05")),
    ]
    assert [saved(it, amazon) for it in paid] == [
        *(Decimal("0.38"), Decimal("2.49"), Decimal("0.76")),
    ]
    assert percent_saved(amazon, paid[0]) == Decimal("-15.83")


def test_two_prices_of_nothing_have_no_difference_in_percent() -> None:
    assert potential_savings(Decimal(0), Decimal(0)) is None
    assert percent_saved(Decimal(0), Decimal(1)) is None


def test_a_third_of_the_minutes_is_inbound_unless_said_otherwise() -> None:
    assert WHITEPAPER == Usage(inbound_s=7_000, outbound_s=14_000, numbers=1, concurrent_calls=1)
    assert Usage.of_minutes(10, inbound=0) == Usage(inbound_s=0, outbound_s=600)
    assert Usage.of_minutes(10, inbound=10) == Usage(inbound_s=600, outbound_s=0)
    assert WHITEPAPER.minutes == 350


def test_numbers_and_concurrent_calls_are_paid_one_by_one() -> None:
    usage = Usage(inbound_s=0, outbound_s=0, numbers=3, concurrent_calls=4)
    price = price_of(offerings()[0], usage)
    assert (price.numbers, price.concurrent_calls) == (Decimal("0.30"), Decimal("3.2720"))
    assert price.normalised == Decimal("3.57")


def test_minutes_go_to_one_country_and_have_its_rate() -> None:
    def rates(country: str) -> tuple[str, str]:
        price = price_of(WORLD, Usage(inbound_s=60, outbound_s=60, country=country))
        assert price.minutes == (price.inbound_rate or 0) + (price.outbound_rate or 0)
        return str(price.inbound_rate), str(price.outbound_rate)

    assert rates("US") == ("0.0031", "0.0049")
    assert rates("JM") == ("0.0031", "0.02")  # by the prefix +1
    assert rates("GB") == ("0.0031", "0.0111")


def test_a_country_that_the_card_has_no_rate_for_is_told() -> None:
    with pytest.raises(NoRate, match="the rate card 'World' has no outbound rate for DE: neither"):
        price_of(WORLD, Usage(inbound_s=60, outbound_s=60, country="DE"))
