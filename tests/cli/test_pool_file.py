"""The operator's list of numbers, judged line by line."""

import pytest

from cli.pool_file import COLUMNS, read
from model.numbers import PoolNumber

HEADER = "number,type,country,city,state\n"


def problems_of(*lines: str) -> list[str]:
    entries, problems = read([HEADER, *(line + "\n" for line in lines)])
    assert len(entries) + len(problems) == len(lines)
    return [str(problem) for problem in problems]


def test_good_lines_become_numbers() -> None:
    # ARCHITECTURE A6
    entries, problems = read(
        [
            HEADER,
            "+12065550142,Local,US,Seattle,WA\r\n",
            '"+18005550142", TollFree ,US,,\n',
            "\n",
            "+4930123456,Local,DE,Berlin,\n",
        ]
    )
    assert problems == []
    assert [(entry.line, entry.number) for entry in entries] == [
        (
            2,
            PoolNumber(
                e164="+12065550142", number_type="Local", country="US", city="Seattle", state="WA"
            ),
        ),
        (3, PoolNumber(e164="+18005550142", number_type="TollFree", country="US")),
        (5, PoolNumber(e164="+4930123456", number_type="Local", country="DE", city="Berlin")),
    ]


def test_columns_come_in_any_order_and_two_may_be_left_out() -> None:
    entries, problems = read(["Country,NUMBER,type\n", "US,+12065550142,Local\n"])
    assert (len(entries), problems) == (1, [])


@pytest.mark.parametrize(
    "header",
    ["", "number,type", "number,type,country,colour", "number,type,country,type", "+12065550142"],
)
def test_a_header_that_names_other_columns_is_refused(header: str) -> None:
    entries, problems = read([header + "\n", "+12065550142,Local,US\n"])
    assert entries == []
    (problem,) = problems
    assert str(problem).startswith("line 1: the first line names the columns ")
    assert all(name in problem.reason for name in COLUMNS)


def test_an_empty_file_is_refused() -> None:
    assert len(read([])[1]) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2065550142,Local,US,Seattle,WA", "number is '2065550142'; a valid number in E.164"),
        ("+1206555014,Local,US,Seattle,WA", "number is '+1206555014'; a valid number"),
        ("+1206SEATTLE,Local,US,Seattle,WA", "a valid number in E.164 is wanted"),
        ("+12065550142,Mobile,US,Seattle,WA", "type is 'Mobile'; one of Local, TollFree"),
        ("+12065550142,TollFree,US,,", "type is TollFree, but +12065550142 is ordinary"),
        ("+18005550142,Local,US,,", "type is Local, but +18005550142 is toll-free"),
        ("+19005550142,Local,US,,", "but +19005550142 is premium"),
        ("+12065550142,Local,CA,,", "country is 'CA', but +12065550142 belongs to US"),
        ("+12065550142,Local,us,,", "country is 'us', but"),
        ("+80012345678,TollFree,US,,", "but +80012345678 belongs to 001"),
        ("+12065550142,Local,US,Seattle,", "city is 'Seattle' without a state"),
        ("+12065550142,Local,US,Seattle,Wa", "state is 'Wa'; two capital letters"),
        ("+12065550142,Local,US,Sea\x07ttle,WA", "city has 8 characters; at most 100, printable"),
        (f"+12065550142,Local,US,{'a' * 101},WA", "city has 101 characters; at most 100"),
        ("+4930123456,Local,DE,Berlin,BE", "state is 'BE'; only numbers of US have one"),
        ("+12065550142,Local,US", "it has 3 columns; 5 are wanted"),
        ("+12065550142,Local,US,Seattle,WA,x", "it has 6 columns; 5 are wanted"),
        ('+12065550142,"Local"x,US,Seattle,WA', "it is no CSV"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_reason(line: str, reason: str) -> None:
    (problem,) = problems_of(line)
    assert problem.startswith("line 2: ")
    assert reason in problem


def test_every_bad_line_is_reported_and_a_number_twice_is_one() -> None:
    found = problems_of(
        "abc,Local,US,,",
        "+12065550142,Local,US,,",
        "+12065550142,Local,US,Seattle,WA",
        "+12065550143,Nothing,US,,",
    )
    assert [line.partition(":")[0] for line in found] == ["line 2", "line 4", "line 5"]
    assert found[1] == "line 4: +12065550142 is on line 3 already"


def test_the_longest_city_is_taken() -> None:
    assert problems_of(f"+12065550142,Local,US,{'a' * 100},WA") == []
