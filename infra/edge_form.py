"""What differs between tasks on Fargate and tasks on hosts; all else of the edge is the same.

infra/edge_on_fargate.py and infra/edge_on_hosts.py are the two forms (A11, docs/addressing.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a container is given, where its task is not what says so."""

    cpu: int | None = None
    """Units, a share that may be exceeded while the host has more."""
    memory_mib: int | None = None
    """Most that it may use."""
    ports: Sequence[ecs.PortMapping] = ()
    """Ports of the host that no other task has then."""


class EdgeForm(Protocol):
    """Where tasks run, and how they come to their addresses."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that say how a task finds its address, if it needs any."""

    @property
    def bounds(self) -> Bounds:
        """Return the bounds of the container."""

    @property
    def journal(self) -> ecs.Host | None:
        """Return where the journal is, None for a volume that ends with its task."""

    def definition(
        self, scope: Construct, construct_id: str, *, task_role: iam.Role, execution_role: iam.Role
    ) -> ecs.TaskDefinition:
        """Make the task definition."""

    def permit_address(self, task_role: iam.Role) -> None:
        """Let tasks find or take their addresses."""

    def service(
        self, scope: Construct, *, cluster: ecs.Cluster, definition: ecs.TaskDefinition
    ) -> ecs.BaseService:
        """Make the service."""
