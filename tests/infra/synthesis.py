"""Synthesises the CDK app in a process of its own, and reads what came out.

aws_cdk starts Node.js when it is imported: no test module imports it, so that collecting the tests
stays fast and works without Node.js.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

# A deployment in which everything that can be chosen differs from the defaults.
OTHER_SETTINGS = {
    "domain": "vc.example.org",
    "carriers": [
        {"name": "one", "host": "192.0.2.1"},
        {"name": "two", "host": "192.0.2.2", "username": "trunk", "password": "secret:trunks/two"},
    ],
    "api": {"private_addresses": True},
    "media": {"first_port": 20_000, "last_port": 20_999},
    "recording": {"allowed": True},
    "records": {
        "quality": True,
        "format": "v2",
        "prefix": "telephony/cdrs",
        "former_prefixes": ["old/cdrs"],
    },
}
OTHER: dict[str, object] = {
    "ovc:prefix": "lab2",
    "ovc:settings": OTHER_SETTINGS,
    "ovc:profile": "medium",
    "ovc:nodes": 4,
    "ovc:zones": 3,
    "ovc:architecture": "arm64",
    "ovc:edge_image": "444455556666.dkr.ecr.eu-west-1.amazonaws.com/voice/edge:1.2.3",
    "ovc:cpu": 2_048,
    "ovc:memory_mib": 4_096,
    "ovc:media_workers": 2,
    "ovc:max_drain_s": 7_200,
    "ovc:max_nodes": 12,
    "ovc:calls_per_node": 900,
    "ovc:sized_for": "rtp",
    "ovc:hosted_zone_id": "Z0123456789ABCDEFGHIJ",
    "ovc:tls_secret": "lab2/tls",
    "ovc:secret_kms_keys": ["arn:aws:kms:us-east-1:111122223333:key/2222-3333"],
    "ovc:vpc_cidr": "172.20.0.0/22",
    "ovc:api_concurrency": 0,
    "ovc:api_domain": "api.example.org",
    "ovc:api_certificate": "arn:aws:acm:us-east-1:111122223333:certificate/0000-1111",
    "ovc:api_waf": 3_000,
    "ovc:kms_key": "customer",
    "ovc:access_logs": True,
    "ovc:cdr_retention_days": 400,
    "ovc:log_retention_days": 30,
    "ovc:alarm_email": "on-call@example.org",
    "ovc:runbooks": "https://wiki.example.org/voice",
    "ovc:cdr_buckets": ["central-cdrs.example"],
    "ovc:cdr_kms_keys": ["arn:aws:kms:us-east-1:444455556666:key/0000-1111"],
}


CUSTOMER_KEY = "${CustomerKey"
"""How a reference begins to the key that `ovc:kms_key` customer makes, in other stacks than that of
the data."""


# A template is JSON of any shape; only the tests know what they look for in it.
@dataclass(frozen=True)
class Template:
    """One synthesised CloudFormation template."""

    document: Mapping[str, Any]

    def of(self, kind: str) -> dict[str, Any]:
        """Return all resources of a type, whole, by their logical ids."""
        resources = self.document["Resources"]
        return {name: it for name, it in resources.items() if it["Type"] == kind}

    def only(self, kind: str) -> Any:
        """Return the one resource of a type."""
        (resource,) = self.of(kind).values()
        return resource

    def properties(self, kind: str) -> Any:
        """Return the properties of the one resource of a type."""
        return self.only(kind)["Properties"]

    def named(self, kind: str, start: str) -> Any:
        """Return the properties of the one resource of a type whose logical id begins so."""
        (found,) = [it for name, it in self.of(kind).items() if name.startswith(start)]
        return found["Properties"]

    def grants(self, role: str) -> set[tuple[str, str]]:
        """Return what a role may do: (action, resource); `role` starts its logical id.

        What it may do with the deployment's own key is among the uses of the key.
        """
        granted: set[tuple[str, str]] = set()
        for statement in self._statements(role):
            actions, resources = listed(statement["Action"]), listed(statement["Resource"])
            granted |= {(action, text_of(it)) for action in actions for it in resources}
        assert granted, f"no policy is attached to {role}"
        return {it for it in granted if not it[1].startswith(CUSTOMER_KEY)}

    def key_uses(self, role: str) -> set[tuple[str, str]]:
        """Return what a role may do with the deployment's own key: (action, service by which)."""
        uses: set[tuple[str, str]] = set()
        for statement in self._statements(role):
            if text_of(listed(statement["Resource"])[0]).startswith(CUSTOMER_KEY):
                (operator,) = statement["Condition"]
                assert operator == "StringEquals"
                (service,) = listed(statement["Condition"][operator]["kms:ViaService"])
                uses |= {(action, text_of(service)) for action in listed(statement["Action"])}
        return uses

    def _statements(self, role: str) -> Iterator[Any]:
        for policy in self.of("AWS::IAM::Policy").values():
            properties = policy["Properties"]
            if properties["Roles"][0]["Ref"].startswith(role):
                for statement in properties["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    assert not {"NotAction", "NotResource"} & set(statement)
                    yield statement


@dataclass(frozen=True)
class Assembly:
    """One synthesised app: a directory as the CDK CLI would deploy it."""

    directory: Path

    def template(self, stack: str) -> Template:
        """Return a stack's template."""
        return Template(json.loads((self.directory / f"{stack}.template.json").read_text()))

    def stack_properties(self, stack: str) -> Any:
        """Return what the CDK CLI is told about a stack."""
        return self._artifact(stack)["properties"]

    def dependencies(self, stack: str) -> list[str]:
        """Return what the CDK CLI deploys before a stack."""
        return list(self._artifact(stack)["dependencies"])

    def _artifact(self, stack: str) -> Any:
        manifest = json.loads((self.directory / "manifest.json").read_text())
        return manifest["artifacts"][stack]

    def templates(self) -> Iterator[Template]:
        """Yield every stack's template."""
        for path in self.template_files():
            yield Template(json.loads(path.read_text()))

    def template_files(self) -> list[Path]:
        """Return where every stack's template is."""
        return sorted(self.directory.glob("*.template.json"))


def listed(value: Any) -> list[Any]:
    """Return what may stand alone or in a list as a list."""
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    """Return a property as text, with `${Name}` for what CloudFormation fills in."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(text_of, parts))
        case {"Fn::Sub": text}:
            return str(text)
    raise ValueError(f"no text: {value}")


def bare_environment(directory: Path) -> dict[str, str]:
    """Return an environment with Node.js on the path, and neither Docker nor AWS credentials."""
    node = shutil.which("node")
    assert node is not None, "Node.js is not installed: sudo ./scripts/system-packages nodejs"
    (directory / "bin").mkdir()
    (directory / "bin" / "node").symlink_to(node)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "PATH": str(directory / "bin"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def run(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run Python in the project's root; a failure shows what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
