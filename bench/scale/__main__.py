"""Simulate a day of a fleet of nodes: `python -m bench.scale [--seed 1] [--concurrent 1000 ...]`.

Nothing is measured: what a node holds comes from the figures of docs/performance.md, the rest are
assumptions (bench/scale/parameters.py). The same options make the same figures. A day with 100,000
calls at once has some 23 million calls and takes some minutes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from bench.scale.parameters import (
    DEPLOYMENTS,
    LEAST_NODES,
    SIZES,
    Durations,
    NodeSize,
    ParameterError,
    Parameters,
)
from bench.scale.report import heading, hourly, summary
from bench.scale.simulation import Simulation
from lambdas.edge_dns.records import MOST_RECORDS

CONCURRENT = (1_000, 10_000, 100_000)


def size_of(options: argparse.Namespace, concurrent: int) -> NodeSize:
    """Return the size of the nodes of one run."""
    mean_call_s: float = options.call_seconds
    if options.vcpu is None:
        size = NodeSize.fitting(concurrent, mean_call_s=mean_call_s, srtp=options.srtp)
    else:
        size = NodeSize.measured(options.vcpu, mean_call_s=mean_call_s, srtp=options.srtp)
    if options.sized_for_rtp:
        plain = NodeSize.measured(size.vcpu, mean_call_s=mean_call_s)
        size = replace(size, target=plain.target, limit=plain.limit)
    if options.calls_per_node is not None:
        size = replace(size, target=options.calls_per_node)
    return size


def parameters_of(options: argparse.Namespace, concurrent: int) -> Parameters:
    """Return the parameters of one run."""
    deployments = options.deployments
    if deployments is None:
        deployments = [hour for hour in DEPLOYMENTS if hour < options.hours]
    parameters = Parameters(
        size=size_of(options, concurrent),
        concurrent=concurrent,
        seed=options.seed,
        hours=options.hours,
        mean_call_s=options.call_seconds,
        durations=Durations(options.durations),
        deployments=tuple(deployments),
        zone_failure=options.zone_failure,
        surge_at=options.surge,
        least_nodes=options.least_nodes,
        most_nodes=options.most_nodes,
    )
    return replace(parameters, refuses_after_s=None) if options.refuse_at_once else parameters


def report(parameters: Parameters) -> None:
    """Run and print."""
    print(f"\n{heading(parameters)}\n", flush=True)
    figures = Simulation(parameters).run()
    print("| what | figure |\n|---|---|")
    for name, value in summary(parameters, figures):
        print(f"| {name} | {value} |")
    print("\n| hour | calls | nodes | draining | busiest node | by an average one |")
    print("|---|---|---|---|---|---|")
    for hour, look in hourly(figures.looks):
        print(
            f"| {hour} | {look.calls:,} | {look.serving} | {look.draining} "
            f"| {look.busiest:,} | {look.unevenness:.2f} |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, those of the command line by default, and run."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--concurrent", type=int, nargs="+", default=CONCURRENT, help="calls at the peak"
    )
    parser.add_argument("--hours", type=float, default=24.0, help="from midnight")
    parser.add_argument("--call-seconds", type=float, default=180.0, help="mean length of a call")
    parser.add_argument(
        "--durations", choices=[it.value for it in Durations], default=Durations.LOGNORMAL.value
    )
    parser.add_argument(
        "--vcpu", type=int, choices=SIZES, help="of a node; by default what --concurrent asks for"
    )
    parser.add_argument("--srtp", action="store_true", help="one side of each call is encrypted")
    parser.add_argument(
        "--sized-for-rtp", action="store_true", help="nodes and scaling know nothing of --srtp"
    )
    parser.add_argument(
        "--calls-per-node", type=int, help="that scaling aims at; by default half of the CPU"
    )
    parser.add_argument("--least-nodes", type=int, default=LEAST_NODES)
    parser.add_argument("--most-nodes", type=int, default=MOST_RECORDS)
    parser.add_argument(
        "--deployments", type=float, nargs="*", help="hours of the day; by default 11"
    )
    parser.add_argument("--zone-failure", type=float, help="hour at which a zone dies")
    parser.add_argument(
        "--surge", type=float, help="hour from which calls come twice as fast, for two hours"
    )
    parser.add_argument(
        "--refuse-at-once", action="store_true", help="nodes do, before their record has gone"
    )
    options = parser.parse_args(arguments)
    try:
        runs = [parameters_of(options, concurrent) for concurrent in options.concurrent]
    except ParameterError as error:
        parser.error(str(error))
    for parameters in runs:
        report(parameters)


if __name__ == "__main__":
    main()
