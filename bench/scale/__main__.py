"""Simulate a day of a fleet of nodes: `python -m bench.scale [--seed 1] [--concurrent 1000 ...]`.

Nothing is measured: what a node holds comes from the figures of docs/performance.md, the rest are
assumptions (bench/scale/parameters.py). The same options make the same figures. A day with 100,000
calls at once has some 23 million calls and takes some minutes.
"""

import argparse
from dataclasses import replace

from bench.scale.parameters import Durations, NodeSize, Parameters
from bench.scale.report import heading, hourly, summary
from bench.scale.simulation import Simulation

CONCURRENT = (1_000, 10_000, 100_000)


def parameters_of(options: argparse.Namespace, concurrent: int) -> Parameters:
    """Return the parameters of one run."""
    mean_call_s: float = options.call_seconds
    if options.vcpu is None:
        size = NodeSize.fitting(concurrent, mean_call_s=mean_call_s, srtp=options.srtp)
    else:
        size = NodeSize.measured(options.vcpu, mean_call_s=mean_call_s, srtp=options.srtp)
    parameters = Parameters(
        size=size,
        concurrent=concurrent,
        seed=options.seed,
        hours=options.hours,
        mean_call_s=mean_call_s,
        durations=Durations(options.durations),
        deployments=tuple(options.deployments),
        zone_failure=options.zone_failure,
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


def main() -> None:
    """Read the options and run."""
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
    parser.add_argument("--vcpu", type=int, help="of a node; by default what --concurrent asks for")
    parser.add_argument("--srtp", action="store_true", help="one side of each call is encrypted")
    parser.add_argument(
        "--deployments", type=float, nargs="*", default=[11.0], help="hours of the day"
    )
    parser.add_argument("--zone-failure", type=float, help="hour at which a zone dies")
    parser.add_argument(
        "--refuse-at-once", action="store_true", help="nodes do, before their record has gone"
    )
    options = parser.parse_args()
    for concurrent in options.concurrent:
        report(parameters_of(options, concurrent))


if __name__ == "__main__":
    main()
