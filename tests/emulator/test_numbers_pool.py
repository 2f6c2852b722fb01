"""The synthetic supply of phone numbers."""

from emulator.numbers_pool import NUMBERS_PER_CODE, PLACES, TOLL_FREE_CODES, synthetic_pool
from model.numbers import NumberKind, facts_of


def test_every_number_is_a_valid_us_number_of_its_type() -> None:
    # ARCHITECTURE A6, EDGE O1
    for number in synthetic_pool():
        facts = facts_of(number.e164)
        assert facts is not None, number
        toll_free = facts.kind is NumberKind.TOLL_FREE
        assert number.number_type == ("TollFree" if toll_free else "Local")
        assert toll_free or facts.region == "US"
        assert (number.city is None) == toll_free


def test_no_number_says_anything_to_the_simulated_pstn() -> None:
    # ARCHITECTURE A15
    for number in synthetic_pool():
        assert not 100 <= int(number.e164[-4:]) <= 110


def test_the_pool_is_the_same_every_time_and_has_no_number_twice() -> None:
    pool = synthetic_pool()
    assert pool == synthetic_pool()
    assert len({number.e164 for number in pool}) == len(pool)
    assert len(pool) == NUMBERS_PER_CODE * (len(PLACES) + len(TOLL_FREE_CODES))
