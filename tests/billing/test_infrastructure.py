"""What an edge of one's own costs: positions, amounts, how many nodes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.aws_prices import read_aws_prices
from billing.hosts import Hosts, NoPriceError, instance_hour
from billing.infrastructure import (
    Assumptions,
    CostLine,
    Fleet,
    Load,
    Parts,
    calls_per_node,
    infrastructure,
    media_bytes,
    nodes_needed,
    nodes_on_average,
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
    functions = Decimal("0.0876")  # one of the reaper, one of edge_dns, every minute
    assert found["DynamoDB writes"].quantity == 13 + 12 + Decimal("0.3") + node + functions


@pytest.mark.parametrize(("nodes", "units"), [(1, 1_000_000), (9, 1_000_000), (10, 1_250_000)])
def test_every_node_reads_the_rows_of_all(nodes: int, units: int) -> None:
    # Every two seconds 1 unit of the feed, half of one for the order to drain, and 429 octets for
    # each node, 8 KB for one unit.
    found = lines(Fleet(nodes=nodes), IDLE)["DynamoDB reads"]
    functions = 7 * 730 * 60  # of the reaper, of orders, of edge_dns, every minute
    assert found.quantity * 10**6 == nodes * 730 * 3_600 * Decimal(units) / 10**6 + functions


def test_what_a_deployment_does_not_have_costs_nothing() -> None:
    def amounts(parts: Parts) -> dict[str, Decimal]:
        return {
            it.what: it.amount for it in infrastructure(Fleet(nodes=1), IDLE, PRICES, parts=parts)
        }

    without = amounts(Parts(has_zone=False))
    zoned, scaled = amounts(Parts()), amounts(Parts(is_scaled=True))
    assert zoned["CloudWatch metrics"] - without["CloudWatch metrics"] == Decimal("0.30")
    assert zoned["CloudWatch alarms"] - without["CloudWatch alarms"] == Decimal("0.10")
    # Application Auto Scaling makes two alarms for each of its two policies.
    assert scaled["CloudWatch alarms"] - zoned["CloudWatch alarms"] == Decimal("0.40")
    assert amounts(Parts(more_secrets=2))["Secrets"] - zoned["Secrets"] == Decimal("0.80")
    front = amounts(Parts(has_balancer=True, has_firewall=True, has_own_key=True))
    assert {name: it for name, it in front.items() if name not in zoned} == {
        "Load balancer of the API": Decimal("16.4250"),
        "Its public addresses": Decimal("7.300"),
        "Firewall of the API": Decimal("5.00"),
        "Its rules": Decimal("3.00"),
        "Key of one's own": Decimal("1.00"),
    }


def test_nodes_with_fixed_addresses_pay_for_hosts_and_for_every_address() -> None:
    hosts = Hosts(kind="c6i.large", addresses=4)
    found = lines(Fleet(nodes=2, hosts=hosts), IDLE)
    assert found["EC2 instances, c6i.large"].amount == 2 * 730 * Decimal("0.085")
    assert found["Their disks"].amount == 2 * 30 * Decimal("0.08")
    assert found["Elastic IPs"].amount == 4 * 730 * Decimal("0.005")
    assert not {"Fargate vCPU", "Fargate memory", "Public IPv4 addresses"} & found.keys()


@pytest.mark.parametrize(
    ("kind", "times"), [("large", 1), ("xlarge", 2), ("2xlarge", 4), ("8xlarge", 16)]
)
def test_sizes_are_multiples_of_large(kind: str, times: int) -> None:
    prices = {"c6i": Decimal("0.085")}
    assert instance_hour(f"c6i.{kind}", prices) == times * Decimal("0.085")


@pytest.mark.parametrize("kind", ["c7gn.large", "c6i.medium", "c6i.metal", "c6i"])
def test_a_price_that_is_not_known_is_asked_for(kind: str) -> None:
    series = kind.partition(".")[0]
    with pytest.raises(NoPriceError, match=rf"no price for {kind}: ec2.large_hour.{series} is"):
        instance_hour(kind, {"c6i": Decimal(1)})


def test_nodes_follow_the_calls_between_the_least_and_the_most() -> None:
    minutes = Decimal(100 * 730 * 60)  # of 100 calls at once, all the time
    assumed = Assumptions(nodes_by_load=Decimal("1.5"))

    def nodes(each: int) -> Decimal:
        return nodes_on_average(minutes, each, least=Decimal(2), most=Decimal(9), assumed=assumed)

    assert nodes(each=50) == 3
    assert nodes(each=100) == 2
    assert nodes(each=10) == 9


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
    assert calls_per_node(Decimal(180), Decimal(4)) == 4_267
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
