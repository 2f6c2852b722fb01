"""What an upgrade may not do to a deployment: lose or replace what holds its data or its address.

pinned.json holds those resources of a deployment of the defaults, by stack and logical id, with the
properties that cannot be changed in place. Another id, or another value of such a property, makes
CloudFormation create a second one: empty, with another URL, or refused for its name. What is no
longer retained when its stack goes is missing here as well. pinned-front.json holds what is added
where the API has a domain of its own and the data a key of its own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model.tables import DEFAULT_PREFIX, TABLES
from tests.infra.synthesis import ROOT, Assembly, text_of

HERE = Path(__file__).parent
PINNED: dict[str, Any] = json.loads((HERE / "pinned.json").read_text())
PINNED_FRONT: dict[str, Any] = json.loads((HERE / "pinned-front.json").read_text())
GUIDE = (ROOT / "docs" / "migrations.md").read_text()

HOLDING = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema"),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SecretsManager::Secret": ("Name",),
    # Without it nothing can be read that it has encrypted.
    "AWS::KMS::Key": (),
}
"""Resources with data that must outlive the stack, if they are retained. As all tables: type of a
resource -> its properties that CloudFormation cannot change in place."""
STANDING = {
    # Its name is the endpoint of all clients, and another function has another one.
    "AWS::Lambda::Url": ("TargetFunctionArn",),
    # So is this one's where the domain's record is somebody else's.
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Scheme",),
    # Nodes are in them: another one ends every call.
    "AWS::EC2::VPC": ("CidrBlock",),
    "AWS::EC2::Subnet": ("CidrBlock",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::Service": ("ServiceName",),
}
"""Resources whose replacement would be felt, though they hold nothing."""


def lasting(assembly: Assembly) -> dict[str, dict[str, dict[str, str]]]:
    """Return the resources that must stay what they are, in the form of pinned.json."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for path in sorted(assembly.directory.glob("*.template.json")):
        resources = sorted(json.loads(path.read_text())["Resources"].items())
        kept = {name: identity(it) for name, it in resources if is_lasting(it)}
        if kept:
            found[path.name.removesuffix(".template.json")] = kept
    return found


def is_lasting(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource may not be replaced."""
    policies = {resource.get(name) for name in ("DeletionPolicy", "UpdateReplacePolicy")}
    is_retained = policies == {"Retain"}
    return (resource["Type"] in HOLDING and is_retained) or resource["Type"] in STANDING


def identity(resource: Mapping[str, Any]) -> dict[str, str]:
    """Return the type of a resource and what of it cannot be changed."""
    kind, properties = resource["Type"], resource["Properties"]
    fixed = (HOLDING | STANDING)[kind]
    return {"Type": kind} | {name: shown(properties[name]) for name in fixed if name in properties}


def shown(value: Any) -> str:
    """Return a property as one line."""
    if isinstance(value, list):
        return " ".join(f"{it['KeyType']}:{it['AttributeName']}" for it in value)
    return text_of(value)


def missing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """Return what is wanted and was not found just so."""
    return {
        f"{stack}/{name}"
        for stack, resources in wanted.items()
        for name, it in resources.items()
        if found.get(stack, {}).get(name) != it
    }


def schema() -> str:
    """Return a digest of the keys and indexes of all tables."""
    written = json.dumps([it.creation(DEFAULT_PREFIX) for it in TABLES], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:12]


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_nothing_that_lasts_is_lost_or_replaced(assembly: Assembly) -> None:
    gone = missing(lasting(assembly), PINNED)
    assert not gone, f"an upgrade would lose or replace {gone}: docs/migrations.md says what to do"


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_a_larger_profile_adds_and_replaces_nothing(
    assembly: Assembly, large_assembly: Assembly
) -> None:
    small, large = lasting(assembly), lasting(large_assembly)
    for stack, resources in small.items():
        assert resources.items() <= large[stack].items(), stack


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_a_front_and_a_key_replace_nothing_but_the_url(front_assembly: Assembly) -> None:
    # ARCHITECTURE A2: the URL would lead round the firewall
    (url,) = [name for name, it in PINNED["ovc-api"].items() if it["Type"] == "AWS::Lambda::Url"]
    assert missing(lasting(front_assembly), PINNED) == {f"ovc-api/{url}"}


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_what_they_add_lasts_as_well(front_assembly: Assembly) -> None:
    found = lasting(front_assembly)
    gone = missing(found, PINNED_FRONT)
    assert not gone, f"an upgrade would lose or replace {gone}: docs/migrations.md says what to do"
    pinned = {stack: PINNED.get(stack, {}) | PINNED_FRONT.get(stack, {}) for stack in found}
    new = missing(pinned, found)
    assert not new, f"add to tests/infra/pinned-front.json {new}: {json.dumps(found, indent=2)}"


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_everything_that_lasts_is_pinned(assembly: Assembly) -> None:
    found = lasting(assembly)
    new = {
        f"{stack}/{name}": it
        for stack, resources in found.items()
        for name, it in resources.items()
        if name not in PINNED.get(stack, {})
    }
    assert not new, f"add to tests/infra/pinned.json: {json.dumps(new, indent=2)}"


def test_the_schema_of_the_tables_is_the_newest_that_has_a_migration() -> None:
    # ARCHITECTURE A4
    told = re.findall(r"^## Schema `([0-9a-f]{12})`", GUIDE, re.M)
    assert told[0] == schema(), (
        "keys or indexes of a table have changed: write into docs/migrations.md, above the others, "
        f"a section '## Schema `{schema()}`' that says how a deployment gets there"
    )
