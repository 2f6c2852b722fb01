"""`ovc cdr check-bucket`: can records go into this bucket, and which policy lets them?"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import client, stand_client
from cli.errors import CommandError, ExitCode
from cli.policies.deployed import Deployed, deployed
from cli.policies.evaluation import PolicyProblem, Role
from cli.policies.findings import Finding, Mark, findings
from cli.policies.looking import BucketProblem, Looked, Unknown, looked_at, rights_of
from cli.policies.rights import key_statements, needs_of, policy_with, statements_for
from cli.stand import running_stand
from emulator.environment import isolate
from model.settings import Settings, SettingsError
from model.tables import DEFAULT_PREFIX

_EXISTS_ALREADY = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})


def run(
    bucket: str,
    *,
    edge_role: str | None,
    reaper_role: str | None,
    key_prefixes: tuple[str, ...],
    policy_only: bool,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> None:
    """Print findings and the policy; exit code 1 when one of the findings is a problem."""
    if prefix is None and region is None:
        if edge_role or reaper_role or key_prefixes or policy_only:
            raise CommandError(
                "a policy is about a deployment in AWS: say --prefix or --region",
                ExitCode.USAGE,
            )
        _report(_of_stand(bucket, api_port), sys.stdout)
        return
    there = _there(edge_role, reaper_role, prefix, region)
    if key_prefixes:
        there = there._replace(settings=_with(there.settings, key_prefixes))
    s3 = client("s3", prefix=prefix, region=region, api_port=None)
    try:
        looked = looked_at(s3, bucket, there.edge.account_id)
    except BucketProblem as problem:
        raise CommandError(f"{bucket}: {problem}") from problem
    needs = needs_of(there.settings, there.edge, there.reaper)
    iam = client("iam", prefix=prefix, region=region, api_port=None)
    rights = {need.role.arn: rights_of(iam, need.role) for need in needs}
    found = findings(bucket, looked, needs, rights, s3.meta.region_name)
    added = statements_for(bucket, prefix or DEFAULT_PREFIX, needs)
    policy = json.dumps(policy_with(_present(looked), added), indent=2)
    if policy_only and isinstance(looked.policy, Unknown):
        raise CommandError(
            "the bucket's present policy cannot be read, and a new one would take the place of all "
            f"that it says: {looked.policy.why}"
        )
    if policy_only:
        sys.stdout.write(policy + "\n")
        _report(found, sys.stderr)
        return
    try:
        _report(found, sys.stdout)
    finally:
        sys.stdout.write(f"\nThe policy of the bucket that gives what is needed:\n{policy}\n")
        if isinstance(looked.kms_key, str):
            key = json.dumps(key_statements(needs), indent=2)
            sys.stdout.write(f"\nStatements for the policy of the key:\n{key}\n")


def _there(
    edge_role: str | None, reaper_role: str | None, prefix: str | None, region: str | None
) -> Deployed:
    """Return the roles that were named, or what is deployed."""
    if edge_role is None and reaper_role is None:
        return deployed(prefix, region)
    if edge_role is None or reaper_role is None:
        raise CommandError("--edge-role and --reaper-role go together", ExitCode.USAGE)
    try:
        return Deployed(Settings(), Role.from_arn(edge_role), Role.from_arn(reaper_role))
    except PolicyProblem as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


def _with(settings: Settings, key_prefixes: tuple[str, ...]) -> Settings:
    """Return settings with other prefixes of records; raises CommandError."""
    first, *others = key_prefixes
    try:
        records = replace(settings.records, prefix=first, former_prefixes=tuple(others))
    except SettingsError as error:
        raise CommandError(f"--key-prefix: {error}", ExitCode.USAGE) from error
    return replace(settings, records=records)


def _present(looked: Looked) -> list[Any]:
    """Return the statements that the bucket's policy has already, as far as they are known."""
    return [] if isinstance(looked.policy, Unknown) else list(looked.policy)


def _report(found: Iterator[Finding], out: Any) -> None:
    problems = 0
    for finding in found:
        problems += finding.mark is Mark.PROBLEM
        out.write(f"{finding}\n")
    out.flush()
    if problems:
        raise CommandError(f"problems with the bucket: {problems}")


def _of_stand(bucket: str, api_port: int | None) -> Iterator[Finding]:
    """Write an object as the stand's edge does; it has one key for everything, and no roles."""
    facts = running_stand(api_port)
    isolate(os.environ)
    s3 = stand_client("s3", facts)
    key = f"{facts.record_prefix}/ovc-check-bucket-{token_hex(8)}"
    where = f"s3://{bucket}/{key}"
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*")
    except (BotoCoreError, ClientError) as error:
        yield Finding(Mark.PROBLEM, f"{where} cannot be written: {error}")
        return
    yield Finding(Mark.OK, f"{where} was written")
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*")
        yield Finding(Mark.PROBLEM, "a second object took its place: records could be overwritten")
    except ClientError as error:
        known = error.response["Error"]["Code"] in _EXISTS_ALREADY
        told = "a second one was refused, as it must be" if known else f"a second one: {error}"
        yield Finding(Mark.OK if known else Mark.PROBLEM, told)
    s3.delete_object(Bucket=bucket, Key=key)
    yield Finding(Mark.OK, "it was removed again; no policy is needed on this machine")
