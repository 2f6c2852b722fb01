"""Ordering the recording of a call, for /ext/ and for `ovc call record` (docs/recording.md)."""

from dataclasses import replace
from datetime import datetime

from lambdas.management.errors import BadRequest, Conflict, Forbidden, NotFound
from lambdas.management.repository import Repository
from lambdas.management.store import Changed
from model.call_items import has_ended
from model.codec import Item, string
from model.node import NodeState
from model.recordings import BEGUN_WITHIN, Recording, RecordingOrder, RecordingState

_MILLISECOND = 1_000


def order(
    repository: Repository,
    transaction_id: str,
    *,
    seconds: int | None,
    ordered_by: str,
    now: datetime,
) -> Recording:
    """Order a recording of a call that is up; without `seconds` it may be as long as it may.

    Raises NotFound, Conflict, Forbidden or BadRequest that says why there is none.
    """
    node = _node_of(repository, _call(repository, transaction_id), now)
    longest_s = node.longest_recording_s
    if longest_s is None:
        raise Forbidden(
            "Recording is not allowed: the operator's settings have recording.allowed false"
        )
    if seconds is not None and not 1 <= seconds <= longest_s:
        raise BadRequest(f"seconds is {seconds}; a number from 1 to {longest_s} is wanted")
    if repository.configuration.cdr_bucket() is None:
        raise Conflict(
            "There is no bucket to record to; UpdateGlobalSettings names that of the detail records"
        )
    wanted = RecordingOrder(
        transaction_id=transaction_id,
        node_id=node.node_id,
        seconds=seconds or longest_s,
        ordered_by=ordered_by,
        ordered_at=now.replace(microsecond=now.microsecond // _MILLISECOND * _MILLISECOND),
    )
    try:
        repository.recordings.order(wanted)
    except Changed as error:
        raise Conflict(f"Call {transaction_id} is being recorded already") from error
    return Recording(order=wanted)


def recording(repository: Repository, transaction_id: str, now: datetime) -> Recording:
    """Return how the latest recording of a call stands; raises NotFound when there is none."""
    node_id = string(_call(repository, transaction_id)["node_id"])
    found = repository.recordings.recording(node_id, transaction_id)
    if found is None:
        raise NotFound(f"Call {transaction_id} is not recorded")
    if found.state.is_over:
        return found
    if found.state is RecordingState.ORDERED and now - found.order.ordered_at > BEGUN_WITHIN:
        return replace(found, state=RecordingState.FAILED, reason="the node has not begun it")
    if all(node.node_id != node_id for node in repository.nodes.live(now)):
        return replace(found, state=RecordingState.FAILED, reason="the node is gone")
    return found


def end(repository: Repository, transaction_id: str, now: datetime) -> Recording:
    """Want the end of a recording; nothing happens when it is over. Raises NotFound."""
    found = recording(repository, transaction_id, now)
    if found.state.is_over:
        return found
    try:
        repository.recordings.end(found.order)
    except Changed as error:
        raise Conflict(f"Another recording of call {transaction_id} was ordered") from error
    return replace(found, end_wanted=True)


def _call(repository: Repository, transaction_id: str) -> Item:
    item = repository.calls.call(transaction_id)
    if item is None:
        raise NotFound(f"Call {transaction_id} is not known; an answered call is, by TransactionId")
    return item


def _node_of(repository: Repository, call: Item, now: datetime) -> NodeState:
    """Return the node that holds a call; raises Conflict when it is not up any more."""
    if not has_ended(call):
        node_id = string(call["node_id"])
        for node in repository.nodes.live(now):
            if node.node_id == node_id:
                return node
    raise Conflict("The call is not up any more")
