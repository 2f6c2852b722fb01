"""Which nodes are told to drain: outdated ones, and those that are too many (A11).

Nodes have their tasks protected from being stopped, so that ECS replaces and removes none by
itself: it starts what is to run, and waits for the others to go. Until they have gone, hours later,
it counts them as tasks that run. If more are wanted meanwhile, it starts none for them; then
somebody who drains has to come back.
"""

from collections.abc import Collection
from typing import NamedTuple

from lambdas.edge_dns.ecs_service import Service
from model.drain import DrainReason


class Candidate(NamedTuple):
    """A node whose task runs."""

    node_id: str
    definition: str
    """ARN of the revision of its task definition."""
    active_calls: int


def to_drain(candidates: Collection[Candidate], service: Service) -> dict[str, DrainReason]:
    """Return who is told to drain, by node id.

    Nobody is before as many nodes of the wanted revision take calls as there are to be: what a
    deployment brings must have shown that it works. Of too many, those with the fewest calls go.
    """
    wanted = [it for it in candidates if it.definition == service.definition]
    if len(wanted) < service.desired:
        return {}
    wanted.sort(key=lambda it: (it.active_calls, it.node_id))
    surplus = wanted[: len(wanted) - service.desired]
    return {
        **{it.node_id: DrainReason.SURPLUS for it in surplus},
        **{
            it.node_id: DrainReason.OUTDATED
            for it in candidates
            if it.definition != service.definition
        },
    }


def to_take_back(
    draining: Collection[Candidate], serving: Collection[Candidate], service: Service
) -> list[str]:
    """Return which of the nodes that were told to drain are wanted again, by node id.

    Those with the most calls come back first: they would take longest to go.
    """
    missing = service.desired - sum(it.definition == service.definition for it in serving)
    wanted = [it for it in draining if it.definition == service.definition]
    wanted.sort(key=lambda it: (-it.active_calls, it.node_id))
    return [it.node_id for it in wanted[: max(0, missing)]]
