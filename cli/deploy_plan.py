"""`ovc deploy plan`: what the CDK app would create, and what that costs in a month."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from billing.aws_prices import AwsPrices
from billing.hosts import Hosts, NoPriceError
from billing.infrastructure import (
    SRTP_PACKET_US,
    Assumptions,
    CostLine,
    Fleet,
    Load,
    Parts,
    calls_per_node,
    infrastructure,
    nodes_on_average,
)
from billing.money import divided
from cli import deploy_page, rate_files
from cli.deploy_page import Plan, Resources, total_of
from cli.errors import CommandError, ExitCode
from cli.page import page_console
from infra.setting_checks import DeploymentProblemError
from infra.settings import DeploymentSettings

_CPU_UNITS = 1_024
"""Of one vCPU, and MiB of a GB."""
_SECONDS_PER_MINUTE = 60
_TEMPLATE = ".template.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is assumed of a month."""

    minutes: int
    call_seconds: int
    """Mean length of a call."""
    concurrent: int | None
    """Calls at once, at the peak; None when nobody knows."""


def run(
    *,
    directory: Path,
    given: Sequence[str],
    traffic: Traffic,
    prices_file: Path | None,
    with_resources: bool,
    as_json: bool,
) -> None:
    """Print the plan; raises CommandError for settings that cannot be used."""
    context = _context_of(directory, given)
    try:
        settings = DeploymentSettings.from_context(context)
    except DeploymentProblemError as problem:
        raise CommandError(str(problem), ExitCode.USAGE) from problem
    # Before the templates, which take their time.
    prices = rate_files.aws_prices(prices_file)
    missing = _missing_for_templates() if with_resources else None
    stacks = _synthesised(directory, context) if with_resources and missing is None else None
    found = _plan(settings, traffic, prices, stacks, missing)
    if as_json:
        sys.stdout.write(deploy_page.json_of(found) + "\n")
    else:
        page_console().print(deploy_page.table_of(found))


def _plan(
    settings: DeploymentSettings,
    traffic: Traffic,
    prices: AwsPrices,
    stacks: Mapping[str, Resources] | None,
    missing: str | None,
) -> Plan:
    if settings.architecture == "arm64":
        prices = replace(
            prices,
            fargate_vcpu_hour=prices.fargate_arm_vcpu_hour,
            fargate_gb_hour=prices.fargate_arm_gb_hour,
        )
    load, parts = _load(settings, traffic), _parts(settings)
    vcpu = divided(settings.cpu, _CPU_UNITS)
    memory_gb = divided(settings.memory_mib, _CPU_UNITS)
    hosts = None
    if settings.host_type is not None:
        hosts = Hosts(kind=settings.host_type, addresses=settings.addresses)
    packet_us = SRTP_PACKET_US if settings.sized_for == "srtp" else Assumptions().packet_us

    def lines(nodes: Decimal) -> tuple[CostLine, ...]:
        fleet = Fleet(nodes=nodes, vcpu=vcpu, memory_gb=memory_gb, hosts=hosts)
        try:
            return infrastructure(fleet, load, prices, parts=parts)
        except NoPriceError as error:
            raise CommandError(f"{error}; --prices takes a list", ExitCode.USAGE) from error

    least = Decimal(settings.nodes)
    most = Decimal(settings.max_nodes if settings.is_scaled else settings.nodes)
    average = nodes_on_average(load.minutes, settings.calls_aimed_at, least=least, most=most)
    return Plan(
        settings=settings,
        stacks=stacks,
        missing=missing,
        minutes=traffic.minutes,
        call_seconds=traffic.call_seconds,
        concurrent=traffic.concurrent,
        calls_per_node=min(
            calls_per_node(Decimal(traffic.call_seconds), vcpu, Assumptions(packet_us=packet_us)),
            settings.operator.admission.concurrent_calls,
        ),
        nodes_on_average=average,
        lines=lines(average),
        least=total_of(lines(least)),
        most=total_of(lines(most)),
        prices=prices,
    )


def _load(settings: DeploymentSettings, traffic: Traffic) -> Load:
    calls = -(-traffic.minutes * _SECONDS_PER_MINUTE // traffic.call_seconds)
    has_quality = settings.operator.records.quality
    return Load(
        minutes=Decimal(traffic.minutes),
        calls=calls,
        quality_records=calls if has_quality else 0,
    )


def _parts(settings: DeploymentSettings) -> Parts:
    return Parts(
        has_zone=bool(settings.hosted_zone_id),
        is_scaled=settings.is_scaled,
        more_secrets=sum(bool(it.password) for it in settings.operator.carriers)
        + bool(settings.tls_secret),
        has_balancer=bool(settings.api_domain),
        has_firewall=bool(settings.api_waf),
        has_own_key=settings.has_customer_key,
    )


def _context_of(directory: Path, given: Sequence[str]) -> Mapping[str, object]:
    """Return the context as the CDK CLI makes it: cdk.json, and over it what was typed."""
    file = directory / "cdk.json"
    try:
        written = json.loads(file.read_text("utf-8"))["context"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CommandError(
            f"{file} cannot be read as the CDK app's settings ({error!r}): go to the directory of "
            "the project, or name it with --directory",
            ExitCode.USAGE,
        ) from error
    typed = {}
    for entry in given:
        key, sign, value = entry.partition("=")
        if not sign:
            raise CommandError(
                f"--context is {entry!r}; KEY=VALUE is wanted, such as ovc:profile=medium",
                ExitCode.USAGE,
            )
        typed[key] = value
    return {**written, **typed}


def _missing_for_templates() -> str | None:
    """Return what the machine lacks for making templates, None when it has everything."""
    if find_spec("aws_cdk") is None:
        return "aws-cdk-lib is not installed (make develop)"
    if shutil.which("node") is None:
        return "Node.js is not installed"
    return None


def _synthesised(directory: Path, context: Mapping[str, object]) -> Mapping[str, Resources]:
    """Return the resources of each stack, as the CDK app makes them."""
    with TemporaryDirectory(prefix="ovc-plan-") as outdir:
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=directory,
            env={**os.environ, "CDK_OUTDIR": outdir, "CDK_CONTEXT_JSON": json.dumps(context)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise CommandError(f"the templates cannot be made:\n{done.stdout}")
        return resources_of(Path(outdir))


def resources_of(assembly: Path) -> Mapping[str, Resources]:
    """Return the resources in the templates of a directory, by stack."""
    return {
        path.name.removesuffix(_TEMPLATE): _counted(json.loads(path.read_text("utf-8")))
        for path in sorted(assembly.glob(f"*{_TEMPLATE}"))
    }


def _counted(template: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Resources:
    resources = template["Resources"].values()
    kept = (it["Type"] for it in resources if it.get("DeletionPolicy", "").startswith("Retain"))
    return Resources(Counter(it["Type"] for it in resources), Counter(kept))
