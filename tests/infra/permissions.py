"""Every statement of every policy in a template, and what in it stands for more than one thing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infra.synthesis import Template, listed, text_of

_DOCUMENTS = {
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::Logs::ResourcePolicy": "PolicyDocument",
}
"""Type of a resource -> its property that is a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, with whatever it belongs to."""

    owner: str
    """Logical id of the role, or of the resource whose policy it is."""
    effect: str
    principals: tuple[str, ...]
    """Empty in a role's own policies."""
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any]


def statements(template: Template) -> Iterator[Statement]:
    """Yield all of a template, those of roles' trust among them."""
    for kind, name in _DOCUMENTS.items():
        for owner, resource in template.of(kind).items():
            properties = resource["Properties"]
            for role in properties.get("Roles", [{"Ref": owner}]):
                yield from _read(role["Ref"], properties[name])
    for owner, resource in template.of("AWS::IAM::Role").items():
        properties = resource["Properties"]
        yield from _read(owner, properties["AssumeRolePolicyDocument"])
        for policy in properties.get("Policies", []):
            yield from _read(owner, policy["PolicyDocument"])


def _read(owner: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    for it in document["Statement"]:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(it), owner
        principal = it.get("Principal", {})
        named = listed(principal) if isinstance(principal, str) else principal.values()
        yield Statement(
            owner=owner,
            effect=it["Effect"],
            principals=tuple(text_of(each) for value in named for each in listed(value)),
            actions=tuple(listed(it["Action"])),
            resources=tuple(text_of(each) for each in listed(it.get("Resource", []))),
            conditions=it.get("Condition", {}),
        )
