"""What unknown sources hear: nothing, or less than they sent (EDGE R7, R36, S2)."""

from edge.policy.case import Case
from edge.policy.connector_checks import not_in_allow_list
from edge.policy.reasons import Reason
from edge.policy.sources import Source
from edge.policy.verdict import Refuse, Silence
from edge.sip.message import COMPACT, Request
from edge.sip.writing import response_bytes


def judge_stranger(case: Case) -> Refuse | Silence:
    """Return silence, or a short refusal to whoever names a connector (EDGE R7, R36, S2).

    A node that has never read its configuration knows nobody; its peers try another one (R32).
    """
    if not case.context.is_configured:
        hint = "this node has no configuration yet: DynamoDB does not answer"
        return _refused_if_small(Reason.NOT_CONFIGURED, hint, case)
    case.connector = case.connector_named()
    if case.connector is None:
        return _ignored(case.source)
    hint = not_in_allow_list(case.source.address, case.connector)
    return _refused_if_small(Reason.NOT_LISTED, hint, case)


def _refused_if_small(why: Reason, hint: str, case: Case) -> Refuse | Silence:
    """Refuse a stranger's new work in a few octets, now and then."""
    request = case.request
    if request.method not in ("INVITE", "OPTIONS") or request.to.tag is not None:
        return Silence(why, hint)
    refusal = case.refuse(why, hint, stateless=True, silent=why is Reason.NOT_LISTED)
    if _answer_length(refusal, case) > _least_length(request):
        return Silence(why, hint)
    if not case.context.limits.may_be_refused(case.source.address, case.now):
        return Silence(why, hint)
    return refusal


def _ignored(source: Source) -> Silence:
    length = 128 if ":" in source.address else 32
    return Silence(
        Reason.NAMES_NO_CONNECTOR,
        f"{source.address} is in no allow list and its request names no connector: send to a "
        f"connector's host and add {source.address}/{length} to that connector's CidrAllowedList "
        "(put_voice_connector_termination)",
    )


def _answer_length(refusal: Refuse, case: Case) -> int:
    """Return the size of a stateless answer; its To tag has 128 bits in hex (EDGE S10)."""
    answer = response_bytes(
        case.request, case.flow, refusal.status, refusal.reason, to_tag="0" * 32
    )
    return len(answer)


_SHORT = frozenset(COMPACT.values())


def _least_length(request: Request) -> int:
    """Return a size that the request had at least, however it was written."""
    total = len(f"{request.method} {request.uri} SIP/2.0\r\n\r\n") + len(request.body)
    for name, values in request.headers.items():
        name_length = 1 if name in _SHORT else len(name)
        total += sum([name_length + len(value) + 3 for value in values])
    return total
