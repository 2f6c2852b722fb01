"""What the simulation takes for granted, each with its unit and where the number comes from."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from math import inf

from billing.infrastructure import SRTP_PACKET_US, Assumptions, calls_per_node
from lambdas.edge_dns.records import MOST_RECORDS, TTL_S
from lambdas.edge_dns.standing import SILENT_FOR
from model.drain import MAX_DRAIN_S, SERVES_UNLISTED_S
from model.settings import AdmissionSettings, CallSettings

SIZES = (1, 2, 4, 8, 16)
"""vCPUs that a Fargate task can have and that hold more than a few calls."""
NODES_ASKED_FOR = 60
"""A larger size is taken before there are more: it leaves room for a cell's records (A11)."""
LEAST_NODES = 2
DEPLOYMENTS = (11.0,)


class ParameterError(ValueError):
    """What cannot be simulated: names the parameter, the value and what is wanted."""


class Durations(Enum):
    """How the lengths of calls are spread."""

    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    """Many short ones, and some that make a drain long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSize:
    """What one node holds."""

    vcpu: int
    target: int
    """Calls at which scaling aims: half the CPU."""
    limit: int
    """Calls at which a node refuses: the share of the CPU at which it counts as overloaded."""
    whole: int
    """Calls that would take all of the CPU."""

    def __post_init__(self) -> None:
        """Refuse a node that no fleet can be made of."""
        if not 0 < self.target <= self.limit:
            raise ParameterError(
                f"a node of {self.vcpu} vCPU refuses from {self.limit:,} calls on: scaling can aim "
                f"at 1 to {self.limit:,} calls of a node, and not at {self.target:,}"
            )

    @classmethod
    def measured(cls, vcpu: int, *, mean_call_s: float, srtp: bool = False) -> "NodeSize":
        """Return the size by the CPU figures that the cost model has of docs/performance.md."""
        if not 0 < mean_call_s < inf:
            raise ParameterError(f"mean_call_s is {mean_call_s:g}; a number above 0 is wanted")
        mean, half = Decimal(str(mean_call_s)), Assumptions()
        if srtp:
            half = replace(half, packet_us=SRTP_PACKET_US)
        overloaded = Decimal(AdmissionSettings().overload_cpu_percent) / 100

        def calls(busy_share: Decimal) -> int:
            return calls_per_node(mean, Decimal(vcpu), replace(half, busy_share=busy_share))

        return cls(
            vcpu=vcpu,
            target=calls(half.busy_share),
            limit=calls(overloaded),
            whole=calls(Decimal(1)),
        )

    @classmethod
    def fitting(cls, concurrent: int, *, mean_call_s: float, srtp: bool = False) -> "NodeSize":
        """Return the smallest size of which not too many are needed."""
        for vcpu in SIZES:
            size = cls.measured(vcpu, mean_call_s=mean_call_s, srtp=srtp)
            if concurrent <= size.target * NODES_ASKED_FOR:
                break
        return size


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Which PBXs deal with addresses in which way; the three make 1."""

    rotating: float = 0.3
    """Another address of the answer for each call."""
    first: float = 0.5
    """The first address of each answer, for as long as the answer is valid."""
    holding: float = 0.2
    """An address for as long as it takes calls, whatever DNS says meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """One run. Times are seconds; those without a source are assumptions."""

    size: NodeSize
    concurrent: int
    """Calls that are up at once in the busiest hour, if none is refused."""
    seed: int = 1
    hours: float = 24.0
    """From midnight."""

    mean_call_s: float = 180.0
    """The cost model's."""
    durations: Durations = Durations.LOGNORMAL
    sigma: float = 1.3
    """Of the logarithm of lognormal lengths: half of the calls are shorter than 77 s, one in a
    hundred lasts longer than 26 minutes."""
    longest_call_s: float = CallSettings().max_call_s
    redial_share: float = 0.8
    """Of callers whose call was lost, who call again..."""
    redial_within_s: float = 30.0
    """...so soon."""

    calls_per_pbx: int = 50
    """At the peak, on average; sizes are spread like Pareto's."""
    pareto: float = 1.16
    """The exponent with which a fifth of the PBXs make four fifths of the calls."""
    shares: Shares = Shares()
    inbound: float = 0.4
    """Share of the calls that carriers bring; they rotate."""
    carriers: int = 3
    attempts: int = 4
    """Addresses that a peer tries for one call."""

    ttl_s: float = float(TTL_S)
    addresses_in_answer: int = 8
    """Route 53's."""
    dns_every_s: float = 60.0
    """How often edge_dns runs. That ECS calls it when a task ends is left out: as if it failed."""
    propagation_s: float = 30.0
    """From its request to all of Route 53's servers; AWS says within 60 s as a rule."""
    silent_s: float = SILENT_FOR.total_seconds()
    """After its end a node's record stays for so long, and until the next run."""

    surge_at: float | None = None
    """Hour at which calls come so many times as fast..."""
    surge: float = 2.0
    surge_hours: float = 2.0
    """...for so long."""

    least_nodes: int = LEAST_NODES
    most_nodes: int = MOST_RECORDS
    cpu_target: float = 0.6
    """Share of the CPU of all nodes at which the second policy aims."""
    start_s: float = 60.0
    """From the decision to a node that takes calls, give or take a quarter: published measurements
    of Fargate lie around a minute for an image of some hundred MB."""
    measured_every_s: float = 60.0
    metric_delay_s: float = 60.0
    """From the end of a minute until its metric counts."""
    high_minutes: int = 3
    """Above the target in a row, before nodes are added: those of Application Auto Scaling."""
    low_minutes: int = 15
    """Below nine tenths of it, before nodes are taken away."""
    out_cooldown_s: float = 120.0
    in_cooldown_s: float = 300.0
    refuses_after_s: float | None = SERVES_UNLISTED_S
    """A draining node takes calls until it is known to have had no record for so long (A11); None
    refuses as soon as it is told to drain."""
    max_drain_s: float = MAX_DRAIN_S
    """From the moment at which it refuses; the setting ovc:max_drain_s."""

    node_days: float = 30.0
    """Mean life of a node until it dies without warning: pessimistic."""
    zones: int = 3
    deployments: tuple[float, ...] = DEPLOYMENTS
    """Hours at which all nodes are replaced; the default is the worst one."""
    zone_failure: float | None = None
    """Hour at which all nodes of one zone die."""

    def __post_init__(self) -> None:
        """Refuse what would be no day of a fleet, or another one than was asked for."""
        for name in ("concurrent", "hours", "surge", "least_nodes"):
            value = getattr(self, name)
            if not 0 < value < inf:
                raise ParameterError(f"{name} is {value}; a number above 0 is wanted")
        if self.hours * 3600.0 < self.mean_call_s:
            raise ParameterError(
                f"hours is {self.hours:g}, and a call lasts {self.mean_call_s:g} s: a time in "
                "which calls can end is wanted"
            )
        if self.mean_call_s > self.longest_call_s:
            raise ParameterError(
                f"mean_call_s is {self.mean_call_s:g}, and the edge ends calls after "
                f"{self.longest_call_s:g} s: less is wanted"
            )
        if not self.least_nodes <= self.most_nodes <= MOST_RECORDS:
            raise ParameterError(
                f"most_nodes is {self.most_nodes}; a whole number from {self.least_nodes}, the "
                f"least, to {MOST_RECORDS} is wanted, for a name has no more records"
            )
        moments = {"zone_failure": self.zone_failure, "surge_at": self.surge_at}
        moments |= {f"deployments[{at}]": it for at, it in enumerate(self.deployments)}
        for name, hour in moments.items():
            if hour is not None and not 0.0 <= hour < self.hours:
                raise ParameterError(
                    f"{name} is {hour:g}; an hour from 0 to {self.hours:g}, the end, is wanted"
                )
