"""What an edge of one's own costs at AWS: a model with its assumptions stated, not a bill.

It counts what docs/costs.md says is billed. The large parts are the tasks, which cost the same
whether calls come or not, and the media that they send. Free tiers are left out, but for the one of
data transfer; so are taxes, support, Savings Plans, and what other things in the account use.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import NamedTuple

from billing.aws_prices import AwsPrices
from billing.hosts import Hosts, instance_hour
from billing.money import divided, times

GIB = 2**30
"""What AWS bills as a GB."""
SRTP_PACKET_US = Decimal("7.20")
"""CPU of a packet, one of two being encrypted (docs/performance.md)."""
_MILLION = 1_000_000
_READ_BYTES = 4_096
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the model takes for granted; each can be replaced."""

    hours: int = 730
    """Of a month."""
    packet_bytes: int = 218
    """G.711 at 20 ms: 160 of sound, 12 RTP, 8 UDP, 20 IP, 18 Ethernet: 87.2 kbit/s. AWS does not
    say whether it counts Ethernet; without it a packet has 200."""
    packets_per_second: int = 50
    """Of one direction."""
    signalling_ms: Decimal = Decimal("1.53")
    """CPU of the signalling process for a call (docs/performance.md: 1.03 to 1.53, on a machine
    that is no Fargate)."""
    records_ms: Decimal = Decimal("0.74")
    """CPU of the AWS worker for a call (docs/performance.md)."""
    packet_us: Decimal = Decimal("4.56")
    """CPU of the media worker for a packet (docs/performance.md: 4.56 plain, 7.20 with SRTP)."""
    busy_share: Decimal = Decimal("0.5")
    """Of the CPU that is meant to be in use at the peak."""
    writes_per_call: int = 13
    """DynamoDB units of an answered call: its row at the answer, at its end and when its object is
    stored, each in the table and in three indexes, and its place in the limit of its connector."""
    writes_per_minute: int = 4
    """Units for each minute that a call lasts: its row with the quality so far."""
    writes_per_refused_call: int = 3
    looks_per_node_second: Decimal = Decimal("0.5")
    """A node looks at the feed of changes, which takes a unit, whether it is to drain, which takes
    half of one, and at the list of nodes."""
    node_bytes: int = 429
    """Of a node's row, without limits of connectors. Every node reads all of them: reads grow with
    the square of the nodes."""
    writes_per_node_second: Decimal = Decimal("0.1")
    """Units: the node's own row."""
    reads_per_minute: int = 7
    writes_per_minute_of_functions: int = 2
    """Units of call_reaper, number_orders and edge_dns."""
    row_bytes: int = 4_000
    """Of a call in DynamoDB with its indexes; rows stay for 90 days."""
    row_months: int = 3
    record_bytes: int = 400
    """Of a detail record in S3."""
    quality_bytes: int = 1_600
    """Of a quality record in S3."""
    record_months: int = 12
    """How long records are kept."""
    log_bytes_per_call: int = 1_250
    """Of the edge's log: beginning, end, and each object that is stored."""
    log_bytes_per_node_minute: int = 1_500
    """Of the counts that become metrics."""
    metrics: int = 27
    """Of the deployment (EDGE X1, X7); none of connectors."""
    metrics_for_dns: int = 1
    alarms: int = 48
    """Metrics that alarms look at: some look at several."""
    alarms_for_dns: int = 1
    alarms_for_scaling: int = 4
    """Two that each of its policies makes."""
    dashboards: int = 1
    functions: int = 3
    """That run each minute: call_reaper, number_orders and edge_dns."""
    lambda_gb_seconds: Decimal = Decimal("0.025")
    """Of a run: 100 ms with 256 MB."""
    secrets: int = 2
    """The API's access keys, and what nonces are made of."""
    balancer_addresses: int = 2
    """Zones of a load balancer before the API."""
    firewall_rules: int = 3
    nodes_by_load: Decimal = Decimal("1.5")
    """Nodes that run on average with scaling, by those that the average of calls fills to what
    scaling aims at (docs/scale.md): it lets nodes go slowly, and they drain for hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The tasks that run."""

    nodes: int | Decimal
    """That run; on average where their number follows the calls."""
    vcpu: Decimal = Decimal(1)
    memory_gb: Decimal = Decimal(2)
    hosts: Hosts | None = None
    """Instances that they run on; None on Fargate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a deployment has besides, by its settings; the defaults are one of more than one node
    whose names are in Route 53."""

    has_zone: bool = True
    """edge_dns keeps its names."""
    is_scaled: bool = False
    more_secrets: int = 0
    """Those of the operator's: passwords of carriers, a certificate."""
    has_balancer: bool = False
    """Before the API, for a domain of its own."""
    has_firewall: bool = False
    has_own_key: bool = False
    """That encrypts what it keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a fleet carries in a month."""

    minutes: Decimal
    """Of talk; a call between two of our own connectors counts once."""
    calls: int
    """Answered, one for each detail record."""
    refused: int = 0
    """Calls that were not answered and left a record."""
    quality_records: int = 0
    """Objects beside those of answered calls (EDGE X10)."""


class CostLine(NamedTuple):
    """One position of the model."""

    what: str
    quantity: Decimal
    unit: str
    price: Decimal
    """Of one unit."""

    @property
    def amount(self) -> Decimal:
        """Return what the quantity costs."""
        return times(self.price, self.quantity)


def infrastructure(
    fleet: Fleet,
    load: Load,
    prices: AwsPrices,
    assumed: Assumptions = Assumptions(),
    parts: Parts = Parts(),
) -> tuple[CostLine, ...]:
    """Return what a fleet with this load costs in a month, position by position; raises
    NoPriceError for hosts whose price is not known."""
    return (
        *_tasks(fleet, prices, assumed),
        *_media(load, prices, assumed),
        *_records(load, prices, assumed),
        *_database(fleet, load, prices, assumed),
        *_watching(fleet, load, prices, assumed, parts),
        *_functions(prices, assumed, parts),
        *_front(prices, assumed, parts),
    )


def calls_per_node(
    mean_call_s: Decimal, vcpu: Decimal, assumed: Assumptions = Assumptions()
) -> int:
    """Return how many calls one node may hold at once, when they last so long on average.

    A call costs its set-up once and its packets, both directions, as long as it lasts; all of it
    has the task's CPU, and signalling no more than one core.
    """
    packets_ms = assumed.packet_us * 2 * assumed.packets_per_second / 1000
    set_up_ms = (assumed.signalling_ms + assumed.records_ms) / mean_call_s
    budget_ms = assumed.busy_share * 1000
    whole = divided(budget_ms * vcpu, packets_ms + set_up_ms)
    signalling = divided(budget_ms * mean_call_s, assumed.signalling_ms)
    return max(1, min(int(whole), int(signalling)))


def nodes_needed(
    concurrent: int, mean_call_s: Decimal, vcpu: Decimal, assumed: Assumptions = Assumptions()
) -> int:
    """Return how many nodes hold so many calls, and one more, so that one may fail."""
    each = calls_per_node(mean_call_s, vcpu, assumed)
    return max(1, -(-concurrent // each)) + 1


def nodes_on_average(
    minutes: Decimal,
    each: int,
    *,
    least: Decimal,
    most: Decimal,
    assumed: Assumptions = Assumptions(),
) -> Decimal:
    """Return how many nodes run on average, draining ones too, when their number follows the calls
    of a month and scaling aims at `each` calls of a node."""
    calls = divided(minutes, assumed.hours * 60)
    wanted = times(divided(calls, each), assumed.nodes_by_load)
    return min(most, max(least, wanted))


def media_bytes(minutes: Decimal, assumed: Assumptions = Assumptions()) -> Decimal:
    """Return what the edge sends in so many minutes of talk: to both ends of each call."""
    each_end = assumed.packet_bytes * assumed.packets_per_second * _SECONDS_PER_MINUTE
    return times(minutes, 2 * each_end)


def _tasks(fleet: Fleet, prices: AwsPrices, assumed: Assumptions) -> tuple[CostLine, ...]:
    hours = Decimal(fleet.nodes) * assumed.hours
    if fleet.hosts is not None:
        return _hosts(fleet.hosts, Decimal(fleet.nodes), prices, assumed)
    return (
        CostLine("Fargate vCPU", hours * fleet.vcpu, "hours", prices.fargate_vcpu_hour),
        CostLine("Fargate memory", hours * fleet.memory_gb, "GB hours", prices.fargate_gb_hour),
        CostLine("Public IPv4 addresses", hours, "hours", prices.public_ipv4_hour),
    )


def _hosts(
    hosts: Hosts, nodes: Decimal, prices: AwsPrices, assumed: Assumptions
) -> tuple[CostLine, ...]:
    price = instance_hour(hosts.kind, prices.ec2_large_hour)
    addresses = Decimal(hosts.addresses * assumed.hours)
    return (
        CostLine(f"EC2 instances, {hosts.kind}", nodes * assumed.hours, "hours", price),
        CostLine("Their disks", nodes * hosts.disk_gb, "GB", prices.ec2_disk_gb_month),
        CostLine("Elastic IPs", addresses, "hours", prices.public_ipv4_hour),
    )


def _media(load: Load, prices: AwsPrices, assumed: Assumptions) -> tuple[CostLine, ...]:
    sent = divided(media_bytes(load.minutes, assumed), GIB)
    billed = max(Decimal(0), sent - prices.transfer_out_free_gb)
    free = f"{prices.transfer_out_free_gb:f}"
    what = f"Media to the internet, beyond {free} GB"
    return (CostLine(what, billed, "GB", prices.transfer_out_gb),)


def _records(load: Load, prices: AwsPrices, assumed: Assumptions) -> tuple[CostLine, ...]:
    details, quality = load.calls + load.refused, load.quality_records
    stored = details * assumed.record_bytes + quality * assumed.quality_bytes
    return (
        CostLine("S3 PUTs", divided(details + quality, 1000), "thousands", prices.s3_put),
        CostLine(
            "S3 storage", divided(stored * assumed.record_months, GIB), "GB", prices.s3_gb_month
        ),
    )


def _database(
    fleet: Fleet, load: Load, prices: AwsPrices, assumed: Assumptions
) -> tuple[CostLine, ...]:
    node_seconds, minutes = fleet.nodes * assumed.hours * 3600, assumed.hours * 60
    writes = (
        load.calls * assumed.writes_per_call
        + load.minutes * assumed.writes_per_minute
        + load.refused * assumed.writes_per_refused_call
        + node_seconds * assumed.writes_per_node_second
        + minutes * assumed.writes_per_minute_of_functions
    )
    # A unit reads 4 KB; the list is read without waiting for the newest, for half of that.
    of_list = Decimal(ceil(fleet.nodes * assumed.node_bytes / _READ_BYTES)) / 2
    reads = (
        node_seconds * assumed.looks_per_node_second * (Decimal("1.5") + of_list)
        + minutes * assumed.reads_per_minute
    )
    rows = (load.calls + load.refused) * assumed.row_bytes * assumed.row_months
    storage = prices.dynamodb_gb_month + prices.dynamodb_backup_gb_month
    return (
        CostLine("DynamoDB writes", divided(writes, _MILLION), "millions", prices.dynamodb_write),
        CostLine("DynamoDB reads", divided(reads, _MILLION), "millions", prices.dynamodb_read),
        CostLine("DynamoDB storage and backup", divided(rows, GIB), "GB", storage),
    )


def _watching(
    fleet: Fleet, load: Load, prices: AwsPrices, assumed: Assumptions, parts: Parts
) -> tuple[CostLine, ...]:
    metrics = assumed.metrics + parts.has_zone * assumed.metrics_for_dns
    alarms = (
        assumed.alarms
        + parts.has_zone * assumed.alarms_for_dns
        + parts.is_scaled * assumed.alarms_for_scaling
    )
    of_calls = (load.calls + load.refused) * assumed.log_bytes_per_call
    of_nodes = fleet.nodes * assumed.hours * 60 * assumed.log_bytes_per_node_minute
    return (
        CostLine("CloudWatch Logs", divided(of_calls + of_nodes, GIB), "GB", prices.logs_gb),
        CostLine("CloudWatch metrics", Decimal(metrics), "metrics", prices.metric_month),
        CostLine("CloudWatch alarms", Decimal(alarms), "metrics in alarms", prices.alarm_month),
        CostLine(
            "CloudWatch dashboard",
            Decimal(assumed.dashboards),
            "dashboards",
            prices.dashboard_month,
        ),
    )


def _functions(prices: AwsPrices, assumed: Assumptions, parts: Parts) -> tuple[CostLine, ...]:
    runs = Decimal(assumed.functions * assumed.hours * 60)
    secrets = assumed.secrets + parts.more_secrets
    return (
        CostLine("Lambda requests", divided(runs, _MILLION), "millions", prices.lambda_request),
        CostLine(
            "Lambda time", runs * assumed.lambda_gb_seconds, "GB seconds", prices.lambda_gb_second
        ),
        CostLine("Secrets", Decimal(secrets), "secrets", prices.secret_month),
    )


def _front(prices: AwsPrices, assumed: Assumptions, parts: Parts) -> tuple[CostLine, ...]:
    """Return what stands before the API and what encrypts, without what requests cost."""
    hours = Decimal(assumed.hours)
    addresses = hours * assumed.balancer_addresses
    lines: list[CostLine] = []
    if parts.has_balancer:
        lines.append(CostLine("Load balancer of the API", hours, "hours", prices.balancer_hour))
        lines.append(CostLine("Its public addresses", addresses, "hours", prices.public_ipv4_hour))
    if parts.has_firewall:
        lines.append(CostLine("Firewall of the API", Decimal(1), "ACLs", prices.web_acl_month))
        rules = Decimal(assumed.firewall_rules)
        lines.append(CostLine("Its rules", rules, "rules", prices.web_acl_rule_month))
    if parts.has_own_key:
        lines.append(CostLine("Key of one's own", Decimal(1), "keys", prices.key_month))
    return tuple(lines)
