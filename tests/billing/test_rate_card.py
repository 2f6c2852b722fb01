"""Rate cards: what they say, which rate a number gets, and what is wrong with a bad one."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rate_card import Direction, Rate, RateCard, Tariff, read_rate_card
from billing.toml_table import FileProblem
from cli import rate_files
from cli.errors import CommandError, ExitCode
from model.cdr import Disposition
from tests.billing.samples import (
    AMAZON,
    LONDON,
    LONDON_MOBILE,
    OURS,
    THEIRS,
    TORONTO,
    WORLD,
    card,
)

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "rates" / "carrier.toml"


def test_the_card_that_comes_along_is_amazons_column() -> None:
    # WHITEPAPER Table 1
    assert AMAZON == RateCard(
        name="Amazon",
        currency="USD",
        inbound=Tariff(general=Decimal("0.0022")),
        outbound=Tariff(general=Decimal("0.0049")),
        number=Decimal("1.00"),
        concurrent_call=Decimal(0),
        increment_s=6,
        minimum_s=0,
    )


def test_a_number_is_read_as_it_is_written_and_never_as_a_float() -> None:
    read = card('name = "x"\n[outbound]\nper_minute = 0.1\n[monthly]\nnumber = 1')
    assert str(read.outbound.general) == "0.1"
    assert str(read.number) == "1"


def test_the_example_of_the_docs_is_a_card() -> None:
    read = rate_files.rate_card(EXAMPLE)
    assert read.rate(Direction.OUTBOUND, LONDON_MOBILE) == Rate("+447", Decimal("0.0240"))


@pytest.mark.parametrize(
    ("called", "rate"),
    [
        (THEIRS, Rate("US", Decimal("0.0049"))),  # before +1, its calling code
        (TORONTO, Rate("CA", Decimal("0.0061"))),
        ("+18765550123", Rate("+1", Decimal("0.02"))),  # Jamaica
        (LONDON, Rate("GB", Decimal("0.0111"))),
        (LONDON_MOBILE, Rate("+4474", Decimal("0.0307"))),
        ("+447500123456", Rate("+447", Decimal("0.0250"))),
        ("+4930123456", None),
        ("911", None),
        ("", None),
    ],
)
def test_the_longest_prefix_wins_and_a_country_counts_like_its_code(
    called: str, rate: Rate | None
) -> None:
    assert WORLD.rate(Direction.OUTBOUND, called) == rate


def test_a_call_in_goes_by_the_number_of_ours_that_is_called() -> None:
    assert WORLD.rate(Direction.INBOUND, OURS) == Rate("+1206", Decimal("0.001"))
    assert WORLD.rate(Direction.INBOUND, "+18005550100") == Rate("+1800", Decimal("0.0175"))
    assert WORLD.rate(Direction.INBOUND, TORONTO) == Rate("per_minute", Decimal("0.0031"))


def test_directions_are_those_of_the_whitepaper() -> None:
    assert Direction.of(Disposition.TERMINATION) is Direction.OUTBOUND
    assert Direction.of(Disposition.ORIGINATION) is Direction.INBOUND


PREFIXES = st.dictionaries(
    st.from_regex(r"\A\+[1-9][0-9]{0,5}\Z"), st.decimals(0, 9, places=4), max_size=20
)


@given(PREFIXES, st.from_regex(r"\A\+[1-9][0-9]{1,14}\Z"))
def test_no_longer_prefix_fits_than_the_one_that_is_taken(
    prefixes: dict[str, Decimal], called: str
) -> None:
    rate = Tariff(prefixes=prefixes).rate(called)
    fitting = [prefix for prefix in prefixes if called.startswith(prefix)]
    if not fitting:
        assert rate is None
    else:
        longest = max(fitting, key=len)
        assert rate == Rate(longest, prefixes[longest])


@pytest.mark.parametrize(
    ("recorded_s", "billed_s"), [(6, 60), (30, 60), (60, 60), (66, 120), (120, 120)]
)
def test_increments_round_up(recorded_s: int, billed_s: int) -> None:
    assert WORLD.billed_s(recorded_s) == billed_s


def test_a_minimum_counts_when_a_call_is_shorter() -> None:
    read = card('name = "x"\n[calls]\nminimum_s = 30')
    assert [read.billed_s(it) for it in (6, 30, 36)] == [30, 30, 36]


BAD = [
    ("", "name is missing; one line of 1 to 80 characters is wanted"),
    ("name = 7", "name is 7; one line"),
    ('name = ""', "name is ''; one line"),
    ('name = "a\\nb"', r"name is 'a\\nb'; one line"),
    ('name = "\\u001b[2J"', r"name is '\\x1b\[2J'; one line"),
    ('name = "x"\ncurrency = "dollar"', "currency is 'dollar'; an ISO 4217 code such as USD"),
    ('name = "x"\nrates = 1', "rates is 1; one of name, currency, calls, monthly, inbound, out"),
    ('name = "x"\ncalls = 6', "calls is 6; a table is wanted"),
    ('name = "x"\n[calls]\nincrement_s = 1', "calls.increment_s is 1; a multiple of 6 from 6 to"),
    ('name = "x"\n[calls]\nincrement_s = 0', "calls.increment_s is 0; a multiple"),
    ('name = "x"\n[calls]\nincrement_s = true', "calls.increment_s is True; a multiple"),
    ('name = "x"\n[calls]\nminimum_s = -6', "calls.minimum_s is -6; a multiple of 6 from 0 to"),
    ('name = "x"\n[calls]\nincrement = 6', "calls.increment is 6; one of increment_s, minimum_s"),
    ('name = "x"\n[outbound]\nper_minute = "0.0049"', "outbound.per_minute is '0.0049'; a number"),
    ('name = "x"\n[outbound]\nper_minute = -0.1', "outbound.per_minute is -0.1; a number"),
    ('name = "x"\n[outbound]\nper_minute = -0.0', "outbound.per_minute is -0.0; a number"),
    ('name = "x"\n[outbound]\nper_minute = nan', "outbound.per_minute is NaN; a number"),
    ('name = "x"\n[outbound]\nper_minute = inf', "outbound.per_minute is Infinity; a number"),
    ('name = "x"\n[outbound]\nper_minute = true', "outbound.per_minute is True; a number"),
    ('name = "x"\n[outbound]\nper_minute = 1e-11', "outbound.per_minute is 1E-11; a number"),
    ('name = "x"\n[outbound]\nper_minute = 1000001', "is 1000001; a number .* from 0 to 1000000"),
    ('name = "x"\n[outbound]\nper_minute = 1e99999999999999999999', "not TOML that can be used"),
    ('name = "x"\n[outbound]\nper_minutes = 1', "outbound.per_minutes is 1; one of per_minute"),
    (
        'name = "x"\n[outbound.countries]\nUK = 0.01',
        "outbound.countries.UK is 0.01; as key an ISO 3166 code such as GB is wanted",
    ),
    ('name = "x"\n[outbound.countries]\nGB = "0.01"', "outbound.countries.GB is '0.01'; a number"),
    (
        'name = "x"\n[outbound.prefixes]\n44 = 0.01',
        "outbound.prefixes.44 is 0.01; as key the first digits of numbers in E.164",
    ),
    ('name = "x"\n[inbound.prefixes]\n"+0" = 0.01', r"inbound.prefixes.\+0 is 0.01; as key"),
    ('name = "x"\n[monthly]\nnumber = "one"', "monthly.number is 'one'; a number"),
    ('name = "x"\n[monthly]\nnumbers = 1', "monthly.numbers is 1; one of number, concurrent_call"),
    ("name =", "it is not TOML that can be used: Invalid value"),
    ("a = " + "[" * 5_000, "it is not TOML that can be used: "),
    ("a = " + "9" * 5_000, "it is not TOML that can be used: "),
    ('name = "x"\nname = "y"', "it is not TOML that can be used: "),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_card_is_told_with_file_key_value_and_wish(text: str, message: str) -> None:
    with pytest.raises(FileProblem, match=f"rates.toml: .*{message}"):
        card(text)


@given(st.text(max_size=200))
def test_any_text_is_a_card_or_the_declared_problem(text: str) -> None:
    try:
        read_rate_card(text, "any.toml")
    except FileProblem as problem:
        assert str(problem).startswith("any.toml: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"#" * 1_000_001, "it is too large; at most 1000000 bytes"),
        (b"name = 1", "name is 1"),
    ],
)
def test_a_file_that_is_no_card_is_a_problem_of_usage(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "rates.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=message) as refused:
        rate_files.rate_card(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert refused.value.exit_code == ExitCode.USAGE


def test_a_card_may_begin_with_the_mark_that_editors_write(tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "x"')
    assert rate_files.rate_card(path).name == "x"
