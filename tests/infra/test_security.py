"""What docs/security.md says of rights, openings and roles is all that is in the templates."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infra.permissions import statements
from tests.infra.synthesis import OTHER_SETTINGS, ROOT, Assembly, Template, listed, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

GUIDE = (ROOT / "docs" / "security.md").read_text()

Asterisk = tuple[str, frozenset[str], str]
"""Who, what, on what."""


@pytest.fixture(scope="module")
def all_templates(
    assembly: Assembly,
    other_assembly: Assembly,
    front_assembly: Assembly,
    fixed_assembly: Assembly,
) -> list[Template]:
    """Return those of the defaults, and of deployments with everything that can be added."""
    made = (assembly, other_assembly, front_assembly, fixed_assembly)
    return [template for each in made for template in each.templates()]


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading."""
    (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def named(logical_id: str) -> str:
    """Return a logical id without the digits that the CDK puts behind it."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def shown(arn: str) -> str:
    """Return what an ARN is of, with the guide's words for what differs between deployments."""
    records = OTHER_SETTINGS["records"]
    assert isinstance(records, Mapping)
    prefixes = [
        *(records["prefix"], *records["former_prefixes"]),
        "Amazon-Chime-Voice-Connector-CDRs/json",
    ]
    text = re.sub(r"\$\{AWS::(?:(Account)Id|(Region)|Partition)\}", _in_capitals, arn)
    text = text.replace("lab2", "ovc")
    text = re.sub(r"^arn::s3:::(ovc-cdr-[^/]+|central-cdrs\.example)", "BUCKET", text)
    text = re.sub(rf"/({'|'.join(map(re.escape, prefixes))})/", "/PREFIX/", text)
    text = re.sub(r"^\$\{([A-Za-z]+?)Bucket[0-9A-F]{8}\.Arn\}", r"\1", text)
    text = re.sub(r"^arn::(\w+):REGION:ACCOUNT:\*$", r"\1:*", text)
    return re.sub(r"^arn::\w+:REGION:ACCOUNT:", "", text)


def _in_capitals(pseudo: "re.Match[str]") -> str:
    return (pseudo[1] or pseudo[2] or "").upper()


def is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def asterisks(templates: list[Template]) -> Iterator[Asterisk]:
    """Yield what is allowed with an asterisk, in what may be done, on what, or by whom."""
    for template in templates:
        for it in statements(template):
            if it.effect == "Deny":
                continue
            actions = frozenset(it.actions)
            for resource in it.resources:
                if is_wild(resource) or any(map(is_wild, actions)):
                    yield named(it.owner), actions, shown(resource)
            if it.resources and any(map(is_wild, it.resources)):
                continue
            for source in sources(it.conditions):
                yield named(it.owner), actions, f"by {shown(source)}"
        for name, permission in template.of("AWS::Lambda::Permission").items():
            properties = permission["Properties"]
            source = text_of(properties.get("SourceArn", ""))
            if is_wild(source):
                yield named(name), frozenset([properties["Action"]]), f"by {shown(source)}"


def sources(conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the patterns of those on whose behalf a service may act."""
    for value in conditions.get("ArnLike", {}).values():
        yield from map(text_of, listed(value))


def test_every_asterisk_is_explained(all_templates: list[Template]) -> None:
    told = {
        (who.strip("`"), frozenset(quoted(what)), on.replace("`", ""))
        for who, what, on, why in table("Every asterisk")
        if why
    }
    found = set(asterisks(all_templates))
    assert found - told == set(), "docs/security.md, Every asterisk, does not explain these"
    assert told - found == set(), "docs/security.md explains what is not there"


def test_no_statement_is_open_to_everybody(all_templates: list[Template]) -> None:
    for template in all_templates:
        for it in statements(template):
            assert it.effect == "Deny" or "*" not in it.principals, it


def test_a_service_acts_for_this_deployment_only(all_templates: list[Template]) -> None:
    # The confused deputy: a service that many accounts use has to say for whom it does.
    exempt = {
        # The account is in the name.
        "logdelivery.elasticloadbalancing.amazonaws.com",
        # The encryption context names the log group.
        "logs.${AWS::Region}.amazonaws.com",
        # Lambda, ECS and EC2 hand a role to functions, tasks and instances of its own account only.
        *("lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "ec2.amazonaws.com"),
    }
    services = set()
    for template in all_templates:
        for it in statements(template):
            for principal in it.principals:
                if principal.endswith(".amazonaws.com") and principal not in exempt:
                    account = it.conditions["StringEquals"]["aws:SourceAccount"]
                    assert account == {"Ref": "AWS::AccountId"}
                    services.add(principal)
        for permission in template.of("AWS::Lambda::Permission").values():
            properties = permission["Properties"]
            assert properties["Principal"] == "*" or "SourceArn" in properties
    assert services == {"cloudwatch.amazonaws.com", "logging.s3.amazonaws.com"}


def openings(template: Template) -> Iterator[tuple[str, str]]:
    """Yield what anybody may reach: (logical id, port or action)."""
    for name, group in template.of("AWS::EC2::SecurityGroup").items():
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            first, last = rule["FromPort"], rule["ToPort"]
            ports = str(first) if first == last else f"{first}-{last}"
            assert rule["CidrIp"] == "0.0.0.0/0"
            yield named(name), f"{rule['IpProtocol']} {ports}"
    assert not template.of("AWS::EC2::SecurityGroupIngress")
    for name, permission in template.of("AWS::Lambda::Permission").items():
        if permission["Properties"]["Principal"] == "*":
            yield named(name), permission["Properties"]["Action"]


def test_everything_open_is_told(assembly: Assembly, front_assembly: Assembly) -> None:
    found = {
        opening
        for made in (assembly, front_assembly)
        for template in made.templates()
        for opening in openings(template)
    }
    rows = table("What is open to the internet")
    assert {(what.strip("`"), opened) for what, opened, _ in rows} == found


def test_every_role_is_told(all_templates: list[Template]) -> None:
    made = {named(name) for template in all_templates for name in template.of("AWS::IAM::Role")}
    assert {row[0].strip("`") for row in table("Roles")} == made
    for template in all_templates:
        for role in template.of("AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]
