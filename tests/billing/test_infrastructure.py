"""What an edge of one's own costs: positions, amounts, how many nodes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.aws_prices import read_aws_prices
from billing.infrastructure import (
    Assumptions,
    CostLine,
    Fleet,
    Load,
    calls_per_node,
    infrastructure,
    media_bytes,
    nodes_needed,
)
from billing.money import total
from billing.toml_table import FileProblem
from cli.rate_files import aws_prices

PRICES = aws_prices(None)
ONE = Decimal(1)
MEDIA = "Media to the internet, beyond 100 GB"
IDLE = Load(minutes=Decimal(0), calls=0)


def lines(fleet: Fleet, load: Load) -> dict[str, CostLine]:
    return {line.what: line for line in infrastructure(fleet, load, PRICES)}


def test_prices_have_a_date_and_a_region() -> None:
    assert (PRICES.region, PRICES.as_of, PRICES.currency) == ("us-east-1", "2026-11-26", "USD")


def test_an_idle_node_costs_its_hours() -> None:
    found = lines(Fleet(nodes=1), IDLE)
    assert found["Fargate vCPU"].amount == Decimal("29.5504")
    assert found["Fargate memory"].amount == Decimal("6.4897")
    assert found["Public IPv4 addresses"].amount == Decimal("3.65")
    assert found[MEDIA].amount == 0
    assert found["S3 PUTs"].amount == 0


def test_media_is_what_is_sent_to_both_ends() -> None:
    # 87.2 kbit/s for each direction that is sent: G.711 at 20 ms with RTP, UDP, IP and Ethernet.
    assert media_bytes(ONE) == 2 * 87_200 // 8 * 60 == 1_308_000
    found = lines(Fleet(nodes=2), Load(minutes=Decimal(1_000_000), calls=0))
    sent = found[MEDIA]
    assert sent.quantity.quantize(Decimal("0.001")) == Decimal("1118.170")  # 100 GB are free
    assert sent.amount.quantize(Decimal("0.01")) == Decimal("100.64")


def test_a_call_costs_its_writes_and_its_objects() -> None:
    load = Load(
        minutes=Decimal(3_000_000), calls=1_000_000, refused=100_000, quality_records=1_000_000
    )
    found = lines(Fleet(nodes=1), load)
    assert found["S3 PUTs"].quantity == 2_100  # thousands
    node = Decimal("0.2628")  # its row, every ten seconds
    assert found["DynamoDB writes"].quantity == 13 + 12 + Decimal("0.3") + node


@given(st.integers(1, 50), st.integers(0, 10**6), st.integers(0, 10**7))
def test_more_of_anything_never_costs_less(nodes: int, calls: int, minutes: int) -> None:
    def cost(nodes: int, calls: int, minutes: int) -> Decimal:
        load = Load(minutes=Decimal(minutes), calls=calls)
        return total(it.amount for it in infrastructure(Fleet(nodes=nodes), load, PRICES))

    base = cost(nodes, calls, minutes)
    assert cost(nodes + 1, calls, minutes) > base
    assert cost(nodes, calls + 1, minutes) > base
    assert cost(nodes, calls, minutes + 1) > base


def test_a_node_holds_what_its_cpu_carries() -> None:
    # 0.456 ms a second for 100 packets, 2.27 ms for a set-up every three minutes, half a CPU.
    assert calls_per_node(Decimal(180), ONE) == 1_066
    assert calls_per_node(Decimal(180), Decimal(4)) == 2_000  # admission.concurrent_calls
    assert calls_per_node(Decimal(6), Decimal(16)) == 1_960  # one core signals
    slow = Assumptions(packet_us=Decimal(10**6))
    assert calls_per_node(Decimal(180), ONE, slow) == 1


@pytest.mark.parametrize(("concurrent", "nodes"), [(0, 2), (1, 2), (1_066, 2), (1_067, 3)])
def test_one_node_more_than_needed_may_fail(concurrent: int, nodes: int) -> None:
    assert nodes_needed(concurrent, Decimal(180), ONE) == nodes


BAD = [
    ("", "region is missing"),
    ('region = "x"\nas_of = "y"\ncurrency = "z"', "fargate.vcpu_hour is missing; a number"),
    ('region = "x"\nas_of = 2026-11-26', "as_of is datetime.date"),
    ("fargate = 1", "region is missing|fargate is 1; a table"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_price_list_is_told(text: str, message: str) -> None:
    with pytest.raises(FileProblem, match=f"prices.toml: ({message})"):
        read_aws_prices(text, "prices.toml")
