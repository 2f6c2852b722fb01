"""Checks of calls that a carrier brings (EDGE 2.1: I4-I6)."""

from edge.policy.case import Case
from edge.policy.number_rules import dialed_by_carrier, shown_to_pbx
from edge.policy.reasons import Reason
from edge.policy.verdict import Refuse
from model.cdr import filtered_number


def has_an_owner(case: Case) -> Refuse | None:
    """I4, I6: the called number must belong to a connector."""
    number = dialed_by_carrier(case.uri.user_text)
    case.connector = case.context.snapshot.owner_of(number)
    if case.connector is not None:
        case.to_number = number
        case.from_number = shown_to_pbx(case.caller)
        case.on_record = True
        return None
    shown = filtered_number(number) or "the called number"
    hint = (
        f"{shown} is assigned to no connector: order it and assign it "
        "(associate_phone_numbers_with_voice_connector)"
    )
    return case.refuse(Reason.NOT_ASSIGNED, hint)


def has_origination(case: Case) -> Refuse | None:
    """I4: a connector without routes, or with origination switched off, takes no calls."""
    assert case.connector is not None, "a check before this one finds the connector"
    origination = case.connector.origination
    if origination is not None and not origination.disabled and origination.routes:
        return None
    hint = (
        f"connector {case.connector.connector_id} takes no calls: "
        "give it routes and enable it (put_voice_connector_origination)"
    )
    return case.refuse(Reason.ORIGINATION_DISABLED, hint)
