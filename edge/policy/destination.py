"""Who takes a call: connectors and their groups, the bridge of a meeting, or the public network.

EDGE I4, I6 and F12 for calls that carriers bring, O5, N1 and M1 for those of connectors.
"""

from edge.config import Takers
from edge.ids import Ids
from edge.policy.case import Case
from edge.policy.number_rules import dialed_by_carrier, shown_to_pbx
from edge.policy.reasons import Reason
from edge.policy.verdict import Refuse
from edge.sip.grammar import SipParseError
from edge.sip.uri import SipUri
from model.cdr import filtered_number
from model.connector import Connector

JOIN_PARAMETERS = {
    "x-chime-join-token": "X-chime-join-token",
    "x-chime-meeting-id": "X-chime-meeting-id",
}
"""URI parameters that a bridge gets, as they are read and as they are written (EDGE M2)."""
MAX_JOIN_CHARACTERS = 2_048

_ASSIGN = "(associate_phone_numbers_with_voice_connector)"


def has_an_owner(case: Case) -> Refuse | None:
    """I4, I6: the number that a carrier calls must belong to a connector or a group."""
    number = _called_by_carrier(case)
    takers = case.context.snapshot.takers_of(number)
    if takers.connectors:
        case.callees = able_first(takers, case.context.ids)
        case.connector = case.callees[0]
        case.to_number = number
        case.from_number = shown_to_pbx(case.caller)
        case.on_record = True
        return None
    shown = filtered_number(number) or "the called number"
    hint = f"{shown} is assigned to no connector: order it and assign it {_ASSIGN}"
    return case.refuse(Reason.NOT_ASSIGNED, hint)


def has_origination(case: Case) -> Refuse | None:
    """I4: connectors without routes, or with origination switched off, take no calls."""
    assert case.connector is not None, "a check before this one finds the connector"
    return _unless_able(case)


def has_a_destination(case: Case) -> Refuse | None:
    """O5: a number of ours, or of a meeting, is no carrier's business; any other is."""
    snapshot, number = case.context.snapshot, case.to_number
    case.bridge = snapshot.bridges.get(number)
    if case.bridge is not None or number not in snapshot.numbers:
        return None
    takers = snapshot.takers_of(number)
    if not takers.connectors:
        hint = f"{number} is a number of this account and assigned to no connector {_ASSIGN}"
        return case.refuse(Reason.NOT_ASSIGNED, hint)
    case.callees = able_first(takers, case.context.ids)
    case.called = case.callees[0]
    return _unless_able(case)


def able_first(takers: Takers, ids: Ids) -> tuple[Connector, ...]:
    """Return the connectors of a call in the order in which they are tried, unable ones last."""
    order = list(takers.connectors)
    if takers.share_equally:
        order = [order.pop(ids.below(len(order))) for _ in takers.connectors]
    return tuple(sorted(order, key=lambda connector: not takes_calls(connector)))


def takes_calls(connector: Connector) -> bool:
    """Tell whether a connector has origination enabled, with a route at least."""
    origination = connector.origination
    return origination is not None and not origination.disabled and bool(origination.routes)


def join_parameters(case: Case) -> tuple[tuple[str, str], ...]:
    """Return what a bridge is told of who joins: from the Request-URI, else the To (EDGE M2)."""
    found: dict[str, str] = {}
    for uri in (case.uri, _uri_of_to(case)):
        for name, value in ({} if uri is None else uri.parameters).items():
            if name in JOIN_PARAMETERS and value and len(value) <= MAX_JOIN_CHARACTERS:
                found.setdefault(JOIN_PARAMETERS[name], value)
    return tuple(found.items())


def _unless_able(case: Case) -> Refuse | None:
    able = tuple(connector for connector in case.callees if takes_calls(connector))
    if able:
        case.callees = able
        return None
    hint = (
        f"connector {case.callees[0].connector_id} takes no calls: "
        "give it routes and enable it (put_voice_connector_origination)"
    )
    return case.refuse(Reason.ORIGINATION_DISABLED, hint)


def _called_by_carrier(case: Case) -> str:
    """Return the number that a carrier calls.

    One that we register with calls our Contact; the number is in the To then (RFC 3261 §16.5).
    """
    number = dialed_by_carrier(case.uri.user_text)
    carrier = case.source.carrier
    if carrier is not None and carrier.register and number == carrier.username:
        to = _uri_of_to(case)
        return number if to is None else dialed_by_carrier(to.user_text)
    return number


def _uri_of_to(case: Case) -> SipUri | None:
    try:
        return case.request.to.sip_uri("To")
    except SipParseError:
        return None
