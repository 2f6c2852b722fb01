"""The story of one call, out of the edge's log lines and the row of its record.

Pure: events in, text or JSON out. An event is one line of the edge's log as it was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cli.media_story import media_lines
from cli.page import told
from edge.policy.reasons import BY_CODE
from model.quality import CallQuality

Event = Mapping[str, object]

ENDINGS = frozenset({"call-refused", "call-ended"})
OF_CALLS = ENDINGS | {"call-started", "call-attempt", "call-challenged", "source-refused"}
"""Events that have a call's ids."""

_OUTCOMES = {
    "no response": "nothing came back",
    "100 and nothing more": "it said 100 Trying and no more",
    "unreachable": "the network says that it cannot be reached",
}


class Story(NamedTuple):
    """What is known of one call."""

    events: tuple[Event, ...]
    """The oldest first."""
    record: Mapping[str, object] | None
    """Members of the detail record (EDGE C2) and where it lies; None when there is none (yet)."""
    is_live: bool = False
    """The row says that the call is up."""
    quality: CallQuality | None = None
    """What the call's media is like so far, or was."""


def events_of(call: str, events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of the call that has this TransactionId or SIP Call-ID.

    A call has one TransactionId and one or more Call-IDs, and a challenge has a Call-ID alone: who
    is found by one id is found by the others, too.
    """
    known = [event for event in events if event.get("event") in OF_CALLS]
    ids = {call}
    for _ in range(2):
        ids |= {str(id_) for event in known if ids & _ids(event) for id_ in _ids(event)}
    found = [event for event in known if ids & _ids(event)]
    return tuple(sorted(found, key=lambda event: str(event.get("at", ""))))


def last_call(events: Iterable[Event]) -> str | None:
    """Return an id of the call that was refused or ended last, None when there was none."""
    found = [event for event in events if event.get("event") in ENDINGS]
    if not found:
        return None
    last = max(found, key=lambda event: str(event.get("at", "")))
    return str(last.get("transaction_id") or last.get("call_id"))


def lines_of(story: Story) -> list[str]:
    """Return the story in plain words."""
    first = story.events[0] if story.events else {}
    lines = [*_heading(story, first), ""]
    lines += [f"{_time(event)}  {_sentence(event)}" for event in story.events]
    if story.is_live:
        lines.append("The call is up.")
    elif story.events and story.events[-1].get("event") in ("call-started", "call-attempt"):
        lines.append(_unheard_end(story.record))
    lines += _advice(story)
    lines += media_lines(story.quality)
    lines += _where(story.record)
    return lines


def members_of(story: Story) -> dict[str, object]:
    """Return the story for programs."""
    ending = _ending(story)
    code = None if ending is None else ending.get("code")
    reason = BY_CODE.get(str(code))
    return {
        "TransactionId": _first(story, "transaction_id"),
        "CallId": _first(story, "call_id"),
        "Code": code,
        "Reason": None if ending is None else _reason(ending),
        "Rules": None if reason is None else reason.value.rules,
        "Remedy": None if ending is None else _remedy(ending),
        "Live": story.is_live,
        "Quality": None if story.quality is None else story.quality.members(),
        "Record": story.record,
        "Events": list(story.events),
    }


def strangers_of(events: Iterable[Event], most: int) -> list[str]:
    """Return the latest lines about sources that got no answer, or a bare 403 (EDGE R7, R36)."""
    found = [event for event in events if event.get("event") == "source-refused"]
    return [f"{_time(event)}  {told(event, 'source')}: {told(event, 'hint')}" for event in found][
        -most:
    ]


def _heading(story: Story, first: Event) -> list[str]:
    lines = [f"Call {_first(story, 'transaction_id') or '(without TransactionId)'}"]
    call_id = _first(story, "call_id")
    if call_id is not None:
        lines.append(f"  SIP Call-ID  {_safe(call_id)}")
    if first:
        lines.append(f"  began        {_moment(first):%Y-%m-%d %H:%M:%S %Z}")
    for title, name in (("from", "source"), ("connector", "connector_id")):
        value = _first(story, name)
        if value is not None:
            lines.append(f"  {title:<12} {_safe(value)}")
    dialed = _first(story, "to_number")
    if dialed is not None:
        lines.append(f"  dialed       {_safe(_first(story, 'from_number'))} -> {_safe(dialed)}")
    return lines


def _unheard_end(record: Mapping[str, object] | None) -> str:
    """Return what is known of the end of a call whose node has not told of it (EDGE C9)."""
    if record is None:
        return "It has not ended, as far as is known here."
    return f"Its node has not told of the end; the record says {told(record, 'StatusMessage')}."


def _sentence(event: Event) -> str:
    match event.get("event"):
        case "call-challenged":
            return f"asked for credentials with {told(event, 'status')}: {told(event, 'reason')}"
        case "call-started":
            return "admitted: no check objected"
        case "call-attempt":
            outcome = told(event, "outcome")
            said = _OUTCOMES.get(outcome, f"it answered with {outcome}")
            where = f"{told(event, 'target')} ({told(event, 'address')})"
            return f"attempt {told(event, 'attempt')} at {where}: {said}"
        case "call-refused":
            return f"refused with {told(event, 'status')}: {told(event, 'reason')}"
        case "source-refused":
            return "not answered, or with a bare 403: the source is in no fitting allow list"
    message, target = told(event, "status_message"), event.get("target")
    at = "" if target is None else f" at {told(event, 'target')}"
    if event.get("status") != "Completed":
        return f"ended unanswered{at}: {message}"
    return f"ended after {_seconds(event)} s{at}: {message}"


def _advice(story: Story) -> list[str]:
    ending = _ending(story)
    if ending is None or ending.get("code") is None:
        return []
    code = str(ending["code"])
    reason = BY_CODE.get(code)
    rules = "" if reason is None else f", EDGE {reason.value.rules}"
    lines = ["", f"Why:         {_reason(ending)} ({_safe(code)}{rules})"]
    remedy = _remedy(ending)
    return lines if remedy is None else [*lines, f"What to do:  {remedy}"]


def _where(record: Mapping[str, object] | None) -> list[str]:
    if record is None:
        return ["", "Record:      none (yet)"]
    said = f"{told(record, 'Status')}, {told(record, 'StatusMessage')}"
    lines = ["", f"Record:      {said}, billed {told(record, 'BillableDuration')} s"]
    where = record.get("Object")
    return lines if where is None else [*lines, f"             {_safe(where)}"]


def _ending(story: Story) -> Event | None:
    """Return the event that says why the call failed; a challenge does when nothing followed."""
    told_codes = [event for event in story.events if event.get("code") is not None]
    if not told_codes or told_codes[-1] is story.events[-1]:
        return told_codes[-1] if told_codes else None
    last = story.events[-1]
    return None if last.get("event") == "call-ended" else told_codes[-1]


def _reason(event: Event) -> str:
    if event.get("reason") is not None:
        return told(event, "reason")
    if event.get("event") == "call-ended":
        return told(event, "status_message").partition(" ")[2]
    reason = BY_CODE.get(str(event.get("code")))
    return told(event, "code") if reason is None else reason.text


def _remedy(event: Event) -> str | None:
    if event.get("hint") is not None:
        return told(event, "hint")
    reason = BY_CODE.get(str(event.get("code")))
    return None if reason is None else reason.value.remedy


def _first(story: Story, name: str) -> object | None:
    for event in story.events:
        if event.get(name) is not None:
            return event[name]
    members = {"transaction_id": "TransactionId", "call_id": "CallId"}
    members |= {"connector_id": "VoiceConnectorId"}
    members |= {"from_number": "FromNumber", "to_number": "ToNumber"}
    return None if story.record is None else story.record.get(members.get(name, name))


def _ids(event: Event) -> set[object]:
    return {event[name] for name in ("transaction_id", "call_id") if event.get(name)}


def _seconds(event: Event) -> str:
    milliseconds = event.get("duration_ms")
    return f"{milliseconds / 1000:.1f}" if isinstance(milliseconds, int | float) else "?"


def _safe(value: object) -> str:
    return told({"value": value}, "value")


def _moment(event: Event) -> datetime:
    try:
        return datetime.fromisoformat(str(event.get("at"))).astimezone()
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _time(event: Event) -> str:
    return f"{_moment(event):%H:%M:%S.%f}"[:-3]


def unknown(call: str, strangers: Sequence[str], searched: str) -> list[str]:
    """Return what it may mean that nothing is known of a call."""
    lines = [
        f"Nothing is known of a call {_safe(call)} in {searched}. That can mean:",
        "  - its request never came here: look at where the PBX sends it;",
        "  - it came from a source that is in no allow list, which gets no answer (EDGE R36);",
        "  - the same source was refused for the same reason less than 10 s before: there is one",
        "    line for all of them (ovc explain --last shows it; each has a record);",
        "  - it is older than what is kept.",
    ]
    if strangers:
        lines += ["The latest sources that were not let in:", *(f"  {it}" for it in strangers)]
    return lines
