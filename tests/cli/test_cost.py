"""`ovc cost compare`: what is printed, and what cannot be compared."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli import cost
from cli.errors import CommandError, ExitCode
from cli.records.source import Place

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "rates" / "carrier.toml"
NOWHERE = Place(None, None, None, None, 1)
USUAL = cost.Monthly()
LARGE = cost.Monthly(minutes=200_000, numbers=40, concurrent_calls=250)


def compared(
    *files: Path,
    monthly: cost.Monthly = USUAL,
    as_json: bool = False,
    prices: Path | None = None,
    nodes: int | None = None,
) -> None:
    cost.compare(
        files=files,
        monthly=monthly,
        month=None,
        place=NOWHERE,
        tasks=cost.Tasks(nodes=nodes, prices=prices),
        as_json=as_json,
    )


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())


def test_without_anything_it_is_the_table_of_the_whitepaper(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # WHITEPAPER Table 1
    compared()
    shown = printed(capsys)
    assert shown == (GOLDEN / "whitepaper.txt").read_text()
    for row in ("$1.87 $2.80 $2.16 $1.40", "$2.78 $4.89 $3.16 $2.40", "14.67% 68.31% 27.34% N/A"):
        assert row in " ".join(shown.split())


def test_a_card_beside_amazon_and_an_edge_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    compared(EXAMPLE, monthly=LARGE)
    assert printed(capsys) == (GOLDEN / "own-edge.txt").read_text()


@pytest.mark.parametrize("name", ["whitepaper.txt", "own-edge.txt"])
def test_the_docs_show_what_is_printed(name: str) -> None:
    docs = Path(__file__).parent.parent.parent / "docs" / "billing.md"
    assert (GOLDEN / name).read_text().strip("\n") in docs.read_text()


def as_document(capsys: pytest.CaptureFixture[str], *files: Path, **more: Any) -> dict[str, Any]:
    compared(*files, as_json=True, **more)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    # WHITEPAPER Table 1
    found = as_document(capsys)
    assert [it["Minutes"] for it in found["Offers"]] == ["1.87", "2.80", "2.16", "1.40"]
    assert [it["Normalized"] for it in found["Offers"]] == ["2.78", "4.89", "3.16", "2.40"]
    savings = [it.get("PotentialSavingsPercent") for it in found["Offers"]]
    assert savings == ["14.67", "68.31", "27.34", None]
    assert "OwnEdge" not in found
    large = as_document(capsys, EXAMPLE, monthly=LARGE)
    edge, (own,) = large["OwnEdge"], large["SelfHosted"]
    assert Decimal(own["Amount"]) == Decimal(own["CarrierAmount"]) + Decimal(edge["Amount"])
    lines = sum(Decimal(it["Amount"]) for it in edge["Lines"])
    assert abs(lines - Decimal(edge["Amount"])) < Decimal("0.01")


def test_nodes_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    edge = as_document(capsys, EXAMPLE, nodes=5)["OwnEdge"]
    assert (edge["Nodes"], edge["NodesNeeded"]) == (5, 2)
    assert edge["Lines"][0]["Quantity"] == "3650.00"


def test_prices_of_ones_own_replace_those_that_come_along(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    built_in = Path(cost.__file__).parent.parent / "billing" / "data" / "aws-us-east-1.toml"
    prices = tmp_path / "prices.toml"
    prices.write_text(built_in.read_text().replace("vcpu_hour = 0.04048", "vcpu_hour = 1"))
    assert as_document(capsys, EXAMPLE, prices=prices)["OwnEdge"]["Lines"][0]["Amount"] == "1460.00"


def test_whatever_is_said_of_an_edge_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    for tasks in (cost.Tasks(nodes=1), cost.Tasks(vcpu="0.5"), cost.Tasks(memory_gb="4")):
        cost.compare(files=(), monthly=USUAL, month=None, place=NOWHERE, tasks=tasks, as_json=False)
        assert "An edge of your own at AWS" in capsys.readouterr().out
    short = as_document(capsys, monthly=cost.Monthly(minutes=1_000, call_seconds=10))
    usual = as_document(capsys, monthly=cost.Monthly(minutes=1_000))
    assert short["OwnEdge"]["CallsPerNode"] < usual["OwnEdge"]["CallsPerNode"]


def card(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "card.toml"
    path.write_text(f'name = "mine"\n{text}')
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('currency = "EUR"', "'mine' is in EUR, Amazon's in USD; .* convert its prices first"),
        ("[outbound]\nper_minute = 0", "no inbound rate for US: .*; --month prices real calls"),
        ("[inbound]\nper_minute = 0\n[outbound.countries]\nGB = 1", "no outbound rate for US"),
    ],
)
def test_cards_that_cannot_be_compared_are_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message) as refused:
        compared(card(tmp_path, text))
    assert refused.value.exit_code == ExitCode.USAGE


def test_aws_prices_in_another_currency_are_told(tmp_path: Path) -> None:
    built_in = Path(cost.__file__).parent.parent / "billing" / "data" / "aws-us-east-1.toml"
    prices = tmp_path / "prices.toml"
    prices.write_text(built_in.read_text().replace('"USD"', '"EUR"'))
    with pytest.raises(CommandError, match="AWS's prices are in EUR, the rate cards in USD"):
        compared(EXAMPLE, prices=prices)


@pytest.mark.parametrize("size", ["", "x", "nan", "0.1", "121", "-1", "1e400"])
def test_a_size_of_tasks_that_is_none_is_told(size: str) -> None:
    tasks = cost.Tasks(memory_gb=size)
    with pytest.raises(CommandError, match=f"--memory is '{size}'; a number such as 0.5"):
        cost.compare(
            files=(EXAMPLE,), monthly=USUAL, month=None, place=NOWHERE, tasks=tasks, as_json=False
        )


def test_a_month_of_nothing_costs_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = cost.Monthly(minutes=0, numbers=0, concurrent_calls=0)
    found = as_document(capsys, EXAMPLE, monthly=nothing)
    (example, amazon) = found["Offers"]
    assert (example["Normalized"], amazon["Normalized"]) == ("0.00", "0.00")
    assert example["PotentialSavingsPercent"] is None
    assert found["OwnEdge"]["NodesNeeded"] == 2
