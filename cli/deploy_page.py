"""The plan of a deployment, as people and programs read it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from billing.aws_prices import AwsPrices
from billing.infrastructure import CostLine
from billing.money import exact_text, rounded, total
from cli.bill_page import money
from cli.cost_page import described_line, lines_table
from infra.settings import DeploymentSettings


class Resources(NamedTuple):
    """What one stack creates."""

    counts: Mapping[str, int]
    """Type of a resource of CloudFormation -> how many."""
    kept: Mapping[str, int]
    """Those of them that stay when the stack is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that the command says."""

    settings: DeploymentSettings
    stacks: Mapping[str, Resources] | None
    """None when no templates were made."""
    missing: str | None
    """Why that could not be, None when nobody wanted them."""
    minutes: int
    call_seconds: int
    concurrent: int | None
    calls_per_node: int
    nodes_on_average: Decimal
    lines: tuple[CostLine, ...]
    """With as many nodes as run on average."""
    least: Decimal
    """What a month costs with the least number of nodes all the time, in cents."""
    most: Decimal
    """With the most."""
    prices: AwsPrices

    @property
    def total(self) -> Decimal:
        """Return what a month costs, in cents."""
        return total_of(self.lines)

    @property
    def most_nodes(self) -> int:
        """Return how many nodes there may be."""
        return self.settings.max_nodes if self.settings.is_scaled else self.settings.nodes

    @property
    def held(self) -> int:
        """Return how many calls all nodes hold at once."""
        return self.most_nodes * self.calls_per_node

    @property
    def held_without_one(self) -> int:
        """Return how many the others hold while one node is away."""
        return max(0, self.most_nodes - 1) * self.calls_per_node


def total_of(lines: Iterable[CostLine]) -> Decimal:
    """Return the sum of positions, in cents."""
    return rounded(total(line.amount for line in lines))


def table_of(plan: Plan) -> RenderableType:
    """Return the plan for people."""
    parts: list[RenderableType] = [_settings_table(plan)]
    if plan.stacks is not None:
        parts.append(_stacks_table(plan.stacks))
    nodes = f"{rounded(plan.nodes_on_average, 1):f} nodes" if plan.settings.is_scaled else ""
    title = f" with {plan.minutes:,} minutes of talk" + (f", on average {nodes}" if nodes else "")
    parts.append(Text.assemble(("A month", "bold"), title))
    parts.append(lines_table(plan.lines, plan.total, plan.prices.currency))
    return Group(*parts, *(Text(f"* {note}") for note in notes_of(plan)))


def json_of(plan: Plan) -> str:
    """Return the plan for programs; amounts are texts."""
    document: dict[str, object] = {
        "Settings": _chosen(plan.settings),
        "Stacks": None
        if plan.stacks is None
        else {
            name: {"Resources": dict(it.counts), "Kept": dict(it.kept)}
            for name, it in plan.stacks.items()
        },
        "Minutes": plan.minutes,
        "CallSeconds": plan.call_seconds,
        "ConcurrentCalls": plan.concurrent,
        "CallsPerNode": plan.calls_per_node,
        "CallsHeld": plan.held,
        "CallsHeldWithoutOneNode": plan.held_without_one,
        "Region": plan.prices.region,
        "PricesAsOf": plan.prices.as_of,
        "Currency": plan.prices.currency,
        "Lines": [described_line(it) for it in plan.lines],
        "NodesOnAverage": exact_text(rounded(plan.nodes_on_average)),
        "Amount": exact_text(plan.total),
        "AmountWithLeastNodes": exact_text(plan.least),
        "AmountWithMostNodes": exact_text(plan.most),
        "Notes": list(notes_of(plan)),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def notes_of(plan: Plan) -> Iterator[str]:
    """Yield what a reader has to know, as sentences."""
    if plan.missing is not None:
        yield f"What would be created is not shown: {plan.missing}."
    if not plan.settings.edge_image:
        yield "The edge's image is built with Docker when it is deployed; ovc:edge_image names one."
    yield (
        f"A node is taken to hold {plan.calls_per_node:,} calls at once, all together "
        f"{plan.held:,}, and {plan.held_without_one:,} while one is away."
    )
    if plan.settings.is_scaled:
        currency = plan.prices.currency
        yield (
            f"A month comes to {money(plan.least, currency)} with {plan.settings.nodes} nodes all "
            f"the time, and to {money(plan.most, currency)} with {plan.most_nodes}."
        )
    if plan.settings.operator.admission.concurrent_calls > plan.settings.held.at_most:
        yield (
            "A node takes more calls than its media was measured to hold "
            f"({plan.settings.held.at_most:,}): packets may be lost before a call is refused."
        )
    if plan.concurrent is not None and plan.concurrent > plan.held:
        yield f"They do not hold the peak of {plan.concurrent:,} calls: more nodes are wanted."
    elif plan.concurrent is not None and plan.concurrent > plan.held_without_one:
        yield f"While one is away, the others do not hold the peak of {plan.concurrent:,} calls."
    yield (
        f"Prices of {plan.prices.region}, collected {plan.prices.as_of}; on demand, before taxes. "
        "The model and its limits: docs/billing.md."
    )


def _chosen(settings: DeploymentSettings) -> Mapping[str, object]:
    return {
        "Prefix": settings.prefix,
        "Domain": settings.operator.domain,
        "Profile": settings.profile,
        "Nodes": settings.nodes,
        "MaxNodes": settings.max_nodes,
        "CallsPerNode": settings.calls_aimed_at if settings.is_scaled else None,
        "SizedFor": settings.sized_for,
        "Cpu": settings.cpu,
        "MemoryMib": settings.memory_mib,
        "MediaWorkers": settings.media_workers,
        "Zones": settings.zones,
        "Architecture": settings.architecture,
        "Host": settings.host_type,
        "ElasticIps": settings.addresses,
        "EdgeImage": settings.edge_image or None,
    }


def _settings_table(plan: Plan) -> Table:
    settings = plan.settings
    nodes = f"{settings.nodes}"
    if settings.is_scaled:
        nodes += f" to {settings.max_nodes}, at {settings.calls_aimed_at:,} calls each,"
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "Deployment", Text(f"{settings.prefix}, connectors <id>.{settings.operator.domain}")
    )
    table.add_row(
        "Edge",
        Text(
            f"{nodes} x {settings.cpu} CPU units, {settings.memory_mib} MiB, "
            f"{settings.media_workers} media workers; {settings.architecture}, "
            f"{settings.zones} zones; profile {settings.profile}"
        ),
    )
    if settings.host_type is not None:
        hosts = f"{settings.host_type}, one for each node; {settings.addresses} Elastic IPs"
        table.add_row("Hosts", Text(hosts))
    table.add_row("Image", Text(settings.edge_image or "built from edge/Dockerfile"))
    return table


def _stacks_table(stacks: Mapping[str, Resources]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Stack", no_wrap=True)
    table.add_column("Resources")
    table.add_column("Number", justify="right")
    table.add_column("Kept when it goes", justify="right")
    for name, resources in stacks.items():
        for place, (kind, count) in enumerate(sorted(resources.counts.items())):
            kept = resources.kept.get(kind, 0)
            table.add_row("" if place else name, kind, str(count), str(kept) if kept else "")
        table.add_section()
    return table
