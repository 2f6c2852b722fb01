"""Checks of a customer's connector on calls to the PSTN (EDGE 2.1: 9-12, 14, 17-21)."""

from edge.flow import Transport
from edge.policy.authentication import Locked, Passed
from edge.policy.call_rates import Pace
from edge.policy.case import AwaitCount, Case
from edge.policy.emergency import routed_number
from edge.policy.number_rules import objection_to, permitted_caller
from edge.policy.reasons import Reason
from edge.policy.spending import prefix_of
from edge.policy.verdict import Challenge, Refuse
from model.cdr import filtered_number
from model.connector import Connector, Termination, connector_host
from model.numbers import facts_of

_PUT_TERMINATION = "(put_voice_connector_termination)"
_CHALLENGES = {
    401: ("Unauthorized", "WWW-Authenticate"),
    407: ("Proxy Authentication Required", "Proxy-Authenticate"),
}


def names_a_connector(case: Case) -> Refuse | None:
    """9: R8, R9."""
    case.connector = case.connector_named()
    if case.connector is not None:
        return None
    known = ", ".join(
        connector_host(name, case.context.settings.domain)
        for name in sorted(case.source.connector_ids)[:3]
    )
    hint = f"{case.uri.host} is no connector's host: send calls to {known}"
    return case.refuse(Reason.UNKNOWN_HOST, hint)


def has_termination(case: Case) -> Refuse | None:
    """10: R10."""
    connector = _connector(case)
    if connector.termination is not None and not connector.termination.disabled:
        return None
    hint = f"connector {connector.connector_id} may not call out: enable it {_PUT_TERMINATION}"
    return case.refuse(Reason.TERMINATION_DISABLED, hint)


def is_source_allowed(case: Case) -> Refuse | None:
    """11: R7, S16; a host that names no connector leaves nothing to ask (OPTIONS only)."""
    if case.connector is not None and case.connector.connector_id not in case.source.connector_ids:
        hint = not_in_allow_list(case.source.address, case.connector)
        return case.refuse(Reason.NOT_LISTED, hint, stateless=True)
    case.on_record = case.request.method == "INVITE"
    return None


def not_in_allow_list(address: str, connector: Connector) -> str:
    """Return what admits an address to a connector."""
    length = 128 if ":" in address else 32
    return (
        f"{address} is not in the allow list of connector {connector.connector_id}: "
        f"add {address}/{length} to CidrAllowedList {_PUT_TERMINATION}"
    )


def is_encrypted_enough(case: Case) -> Refuse | None:
    """12: R11."""
    connector = _connector(case)
    if not connector.require_encryption or case.flow.transport is Transport.TLS:
        return None
    hint = (
        f"connector {connector.connector_id} takes calls over TLS only, this one came over "
        f"{case.flow.transport}: use TLS or turn RequireEncryption off (update_voice_connector)"
    )
    return case.refuse(Reason.TLS_REQUIRED, hint)


def is_authenticated(case: Case) -> Refuse | Challenge | None:
    """14: R14, G1-G8; asked only when the connector has credentials."""
    connector, context = _connector(case), case.context
    if not connector.credentials:
        return None
    source, realm = case.source.address, case.uri.host
    utc = context.utc_of(case.now)
    proof = context.authentication.check(case.request, connector, realm, source, case.now, utc)
    if isinstance(proof, Passed):
        case.auth_user = proof.username
        return None
    if isinstance(proof, Locked):
        seconds = context.settings.admission.digest_lock_s
        hint = f"{source} gave too many wrong passwords and is locked out for {seconds} s"
        return case.refuse(Reason.LOCKED, hint)
    status = context.settings.admission.challenge_status
    reason, name = _CHALLENGES[status]
    values = context.authentication.challenges(connector, realm, source, proof.stale, utc)
    fields = tuple((name, value) for value in values)
    return Challenge(status, reason, fields, connector, proof.why, _doubt(proof.why, source))


def is_within_call_rate(case: Case) -> Refuse | AwaitCount | None:
    """17: R15; where other nodes take calls too, the call may have to wait for their count."""
    connector = _connector(case)
    limit = _termination(connector).cps_limit
    pace = case.context.call_rates.take(connector.connector_id, limit, case.now)
    if pace is Pace.ADMITTED:
        return None
    if pace is Pace.ASK:
        return AwaitCount(case, connector.connector_id, limit)
    return exceeds_call_rate(case)


def exceeds_call_rate(case: Case) -> Refuse:
    """Return the refusal of a call that comes too soon (EDGE R15)."""
    connector = _connector(case)
    hint = (
        f"connector {connector.connector_id} may start {_termination(connector).cps_limit} calls "
        f"per second: raise CpsLimit {_PUT_TERMINATION}"
    )
    return case.refuse(Reason.CALLS_PER_SECOND, hint, fields=(("Retry-After", "1"),))


def is_number_dialable(case: Case) -> Refuse | None:
    """18 and 19: R3, R5, R6, R37, S6."""
    number = case.uri.user_text
    emergency = routed_number(number, _connector(case).emergency_calling)
    if emergency is not None:
        # No region list keeps anybody from help; the API has checked the number's country.
        case.to_number = emergency
        return None
    objection = objection_to(
        number, _termination(_connector(case)), case.context.settings.admission
    )
    if objection is not None:
        return case.refuse(objection.why, objection.hint)
    case.to_number = number
    return None


def has_caller_id(case: Case) -> Refuse | None:
    """20: R4, O2."""
    context, given = case.context, case.caller.user
    policy = context.settings.admission.caller_id_policy
    number = permitted_caller(given, _termination(_connector(case)), policy, context.snapshot)
    if number is not None:
        case.from_number = number
        return None
    shown = filtered_number(given)[:32]
    hint = (
        f"caller id {shown} does not satisfy the policy {policy.value}: "
        f"send a fitting +1 number or set DefaultPhoneNumber {_PUT_TERMINATION}"
    )
    return case.refuse(Reason.CALLER_ID, hint, text=f"Caller Id {shown} is not valid")


def is_no_loop(case: Case) -> Refuse | None:
    """L2, R27: a call that PBXs or carriers send back to us again and again."""
    context = case.context
    turns = context.calls.loop_turns(
        case.source.address, case.from_number, case.to_number, case.now
    )
    if turns < context.settings.call.loop_turns:
        return None
    hint = f"calls to {case.to_number} come back from {case.source.address}: look for a loop there"
    return case.refuse(Reason.LOOP, hint)


def is_within_spending(case: Case) -> Refuse | None:
    """S6: caps that bound what stolen credentials cost; calls that stay on-net cost nothing."""
    if case.stays_on_net:
        return None
    connector_id, spending = _connector(case).connector_id, case.context.spending
    admission, facts = case.context.settings.admission, facts_of(case.to_number)
    if not spending.has_minutes(connector_id, case.now):
        hint = (
            f"connector {connector_id} has talked its {admission.minutes_per_day} minutes of today "
            "(UTC) on this node: if that is no fraud, raise the setting admission.minutes_per_day"
        )
        return case.refuse(Reason.MINUTES_PER_DAY, hint)
    if facts is None or spending.take_call(connector_id, prefix_of(facts), case.now):
        return None
    hint = (
        f"connector {connector_id} has made {admission.calls_per_prefix_per_hour} calls to "
        f"{prefix_of(facts)}... in an hour on this node: if that is no fraud, raise the setting "
        "admission.calls_per_prefix_per_hour"
    )
    return case.refuse(Reason.CALLS_PER_PREFIX, hint)


def has_room(case: Case) -> Refuse | None:
    """21: R16."""
    calls = case.context.calls
    admission = case.context.settings.admission
    limit = admission.concurrent_calls_per_connector
    full = None if limit is None else _full_one(case, limit)
    if full is not None:
        hint = f"connector {full.connector_id} holds {limit} calls"
        setting = "concurrent_calls_per_connector"
    elif calls.active_calls() >= admission.concurrent_calls:
        hint = f"this node holds {admission.concurrent_calls} calls"
        setting = "concurrent_calls"
    else:
        return None
    hint = f"{hint}: raise the setting admission.{setting}"
    return case.refuse(Reason.CONCURRENT_CALLS, hint, fields=(("Retry-After", "5"),))


def _doubt(why: Reason, source: str) -> str:
    """Return what the log says of a challenge."""
    return f"{source}: {why.text.lower()}: {why.value.remedy}"


def _full_one(case: Case, limit: int) -> Connector | None:
    """Return the connector of the call that holds its limit of calls; two on-net (EDGE N1)."""
    sides = (_connector(case), case.called)
    if case.called is not None and case.called.connector_id == sides[0].connector_id:
        # The call is two of this one's: both must fit.
        sides, limit = (case.called, None), limit - 1
    return next(
        (
            side
            for side in sides
            if side is not None and _held_by_all_nodes(case, side.connector_id) >= limit
        ),
        None,
    )


def _held_by_all_nodes(case: Case, connector_id: str) -> int:
    context = case.context
    return context.calls.active_calls_of(connector_id) + context.peer_calls.get(connector_id, 0)


def _connector(case: Case) -> Connector:
    assert case.connector is not None, "a check before this one finds the connector"
    return case.connector


def _termination(connector: Connector) -> Termination:
    assert connector.termination is not None, "a check before this one refuses its absence"
    return connector.termination
