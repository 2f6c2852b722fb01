"""`ovc smoke`: whether a deployment works, from its API to a call, and what to do where not."""

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import boto3

from cli.deployment import client
from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from cli.trial.access import Api, ApiKey, found_stacks, key_of_profile, temporary_key
from cli.trial.course import Course, Wishes
from cli.trial.report import CannotGoOn, Report, Step, Told
from model.numbers import facts_of, is_caller_id
from model.tables import DEFAULT_PREFIX

_CREDENTIALS = (
    "are these the credentials and region of the deployment? docs/permissions.md lists the rights"
)
Undo = list[tuple[str, Callable[[], object]]]


def run(
    *,
    number: str | None,
    from_number: str,
    duration_s: float,
    sources: tuple[str, ...],
    ca_file: str | None,
    profile: str | None,
    api_url: str | None,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
    as_json: bool,
) -> None:
    """Try everything and print a line for each step; exit code 1 when one has failed."""
    wishes = Wishes(
        sources=tuple(map(_network, sources)),
        to_number=_called(number),
        from_number=_caller(from_number),
        duration_s=duration_s,
        ca_file=ca_file,
        prefix=None if prefix is None and region is None else prefix or DEFAULT_PREFIX,
    )
    if wishes.prefix is None and (profile or api_url):
        raise CommandError(
            "--profile and --api-url are of a deployment in AWS: say which one, as --prefix ovc",
            ExitCode.USAGE,
        )
    report = Report(_silent if as_json else _say)
    undo: Undo = []
    for number_of_signal in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number_of_signal, signal.default_int_handler)
    try:
        if wishes.prefix is None:
            _on_stand(wishes, report, undo, api_port)
        else:
            _in_aws(wishes, report, undo, (prefix, region), profile, api_url)
    except CannotGoOn:
        pass
    except BaseException:
        report.is_cut_short = True
        raise
    finally:
        _take_away(undo, report)
        if as_json:
            sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n")
    if not report.is_good:
        sys.exit(ExitCode.FAILED)


def _on_stand(wishes: Wishes, report: Report, undo: Undo, api_port: int | None) -> None:
    facts = running_stand(api_port)
    s3 = client("s3", prefix=None, region=None, api_port=api_port)
    key = ApiKey(access_key_id=facts.access_key_id, secret=facts.secret_access_key)
    port = int(facts.tls_address.rpartition(":")[2])
    local = replace(wishes, tls_port=port, ca_file=wishes.ca_file or facts.ca_file)
    api = Api(facts.api_url, facts.region, key)
    Course(api=api, s3=s3, wishes=local, report=report, undo=undo).run()


def _in_aws(
    wishes: Wishes,
    report: Report,
    undo: Undo,
    deployment: tuple[str | None, str | None],
    profile: str | None,
    api_url: str | None,
) -> None:
    prefix, region = deployment
    if api_url is None:
        api_url = report.need("stacks", lambda: _stacks(prefix, region), _CREDENTIALS)
    if profile is None:
        key = report.need("access key", lambda: _temporary(deployment, undo), _CREDENTIALS)
    else:
        key = report.need("access key", lambda: _held(profile), "docs/keys.md has a key's form")
    s3 = client("s3", prefix=wishes.prefix, region=region, api_port=None)
    api = Api(api_url, region or boto3.Session().region_name or "us-east-1", key)
    Course(api=api, s3=s3, wishes=wishes, report=report, undo=undo).run()


def _stacks(prefix: str | None, region: str | None) -> Told[str]:
    name = prefix or DEFAULT_PREFIX
    cloudformation = client("cloudformation", prefix=name, region=region, api_port=None)
    return found_stacks(cloudformation, name)


def _temporary(deployment: tuple[str | None, str | None], undo: Undo) -> Told[ApiKey]:
    key = temporary_key(*deployment, lambda it, away: undo.append((f"access key {it}", away)))
    return Told(f"{key.access_key_id}, for this run; the API knows it within a minute", key)


def _held(profile: str) -> Told[ApiKey]:
    key = key_of_profile(profile)
    return Told(f"{key.access_key_id}, of the profile {profile}", key)


def _take_away(undo: Undo, report: Report) -> None:
    """Remove what the trial has made, the latest first, whatever became of the trial."""
    is_interrupted = False
    for what, remove in reversed(undo):
        try:
            report.check(f"removal of the {what}", partial(_removed, remove), f"remove the {what}")
        except KeyboardInterrupt:
            # Of what is left the key matters most, and it is the last.
            is_interrupted = True
    if is_interrupted:
        raise KeyboardInterrupt


def _removed(remove: Callable[[], object]) -> Told[bool]:
    remove()
    return Told("done", True)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise CommandError(
            f"--source is {text!r}; a network is wanted, as in 203.0.113.7/32", ExitCode.USAGE
        ) from error


def _called(number: str | None) -> str | None:
    if number is not None and facts_of(number) is None:
        raise CommandError(
            f"--number is {number!r}; a valid number is wanted, as in +12065550142", ExitCode.USAGE
        )
    return number


def _caller(number: str) -> str:
    if not is_caller_id(number):
        raise CommandError(
            f"--from is {number!r}; a valid number of the US is wanted, as in +12065550142",
            ExitCode.USAGE,
        )
    return number


def _say(step: Step) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


def _silent(step: Step) -> None:
    """Tell nothing yet: the report is printed whole."""
