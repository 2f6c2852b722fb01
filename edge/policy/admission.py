"""Admission: EDGE 2.1 as ordered lists of checks, one for each kind of request (A13).

Retransmissions, responses, ACK, CANCEL and in-dialog requests have been matched before; what comes
here wants something new. The first check that objects decides. Checks 2 and 3 (framing, version)
are the parser's: what fails them comes to `malformed`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from edge.config import Snapshot
from edge.flow import Address, Flow
from edge.ids import Ids
from edge.policy.authentication import Authentication
from edge.policy.call_rates import CallRates
from edge.policy.carrier_checks import has_an_owner, has_origination
from edge.policy.case import AwaitCount, CallTable, Case, Context
from edge.policy.connector_checks import (
    exceeds_call_rate,
    has_caller_id,
    has_room,
    has_termination,
    is_authenticated,
    is_encrypted_enough,
    is_no_loop,
    is_number_dialable,
    is_source_allowed,
    is_within_call_rate,
    names_a_connector,
    not_in_allow_list,
)
from edge.policy.header_policy import Way, invite_headers
from edge.policy.nonces import Nonces
from edge.policy.number_rules import ANONYMOUS
from edge.policy.request_checks import (
    has_hops_left,
    has_usable_content,
    has_usable_offer,
    is_first_of_its_kind,
    is_load_bearable,
    is_method_supported,
    is_node_ready,
    is_outside_dialog,
    is_uri_readable,
    is_within_source_rate,
    requires_nothing_unknown,
)
from edge.policy.sources import Source, Sources
from edge.policy.verdict import (
    ACCEPT,
    ALLOW,
    AdmitCall,
    AnswerOptions,
    Refuse,
    Silence,
    Verdict,
)
from edge.sip.grammar import SipParseError
from edge.sip.message import COMPACT, MalformedRequest, Request, response_bytes
from model.cdr import Disposition
from model.connector import connector_host
from model.settings import Settings

Check: TypeAlias = Callable[[Case], Verdict | AwaitCount | None]


class CheckList(NamedTuple):
    """Checks in their order, and the verdict when none of them objects."""

    checks: tuple[Check, ...]
    conclude: Callable[[Case], Verdict]


def _admit(case: Case) -> AdmitCall:
    assert case.connector is not None, "a check finds the connector"
    inbound = case.disposition is Disposition.ORIGINATION
    host = connector_host(case.connector.connector_id, case.context.settings.domain)
    return AdmitCall(
        disposition=case.disposition,
        connector=case.connector,
        carrier=case.source.carrier,
        from_number=case.from_number,
        to_number=case.to_number,
        auth_user=case.auth_user,
        anonymous=case.caller.anonymous or case.from_number == ANONYMOUS,
        offer=case.offer,
        headers=invite_headers(case.request, Way.TO_PBX if inbound else Way.TO_CARRIER, host),
    )


def _answer_options(case: Case) -> AnswerOptions:
    return AnswerOptions((ALLOW, ACCEPT), case.connector)


def _no_such_dialog(case: Case) -> Refuse:
    return case.refuse(481, f"{case.request.method} belongs to no call that this edge holds")


def _find_named_connector(case: Case) -> None:
    """9, for OPTIONS: which connector's health it proves, if any (EDGE F11)."""
    if case.source.carrier is None:
        case.connector = case.connector_named()


PBX_CALL = CheckList(
    (
        is_load_bearable,  # R30, early
        is_within_source_rate,  # 1
        is_method_supported,  # 4
        is_uri_readable,  # 5
        is_outside_dialog,  # 6
        is_first_of_its_kind,  # 7
        has_hops_left,  # 8
        names_a_connector,  # 9
        has_termination,  # 10
        is_source_allowed,  # 11
        is_encrypted_enough,  # 12
        is_node_ready,  # 13
        is_authenticated,  # 14
        requires_nothing_unknown,  # 15
        has_usable_content,  # 16
        is_within_call_rate,  # 17
        is_number_dialable,  # 18, 19
        has_caller_id,  # 20
        is_no_loop,  # L2: needs both numbers
        has_room,  # 21
        has_usable_offer,  # 22
    ),
    _admit,
)
COUNTED_CALL = CheckList(
    (
        is_node_ready,  # 13, again: the call has waited
        *PBX_CALL.checks[PBX_CALL.checks.index(is_within_call_rate) + 1 :],
    ),
    PBX_CALL.conclude,
)
"""What is left of PBX_CALL once all nodes have counted the call (A10)."""
CARRIER_CALL = CheckList(
    (
        is_load_bearable,  # R30, early
        is_within_source_rate,  # 1
        is_method_supported,  # 4
        is_uri_readable,  # 5
        is_outside_dialog,  # 6
        is_first_of_its_kind,  # 7
        has_hops_left,  # 8
        is_node_ready,  # 13
        requires_nothing_unknown,  # 15
        has_usable_content,  # 16
        has_usable_offer,  # 22
        has_an_owner,  # I4, I6
        has_origination,  # I4
        is_no_loop,  # L2
        has_room,  # 21
    ),
    _admit,
)
OPTIONS = CheckList(
    (
        is_load_bearable,  # R30, early
        is_method_supported,  # 4
        is_uri_readable,  # 5
        is_outside_dialog,  # 6
        is_first_of_its_kind,  # 7
        has_hops_left,  # 8
        _find_named_connector,  # 9
        is_source_allowed,  # 11
        is_node_ready,  # 13
        requires_nothing_unknown,  # 15
    ),
    _answer_options,
)
ANYTHING_ELSE = CheckList(
    (
        is_method_supported,  # 4
        is_uri_readable,  # 5
        is_outside_dialog,  # 6
    ),
    _no_such_dialog,
)


class Admission:
    """Decides what becomes of requests; the only state are rates, nonces and locks."""

    def __init__(
        self,
        *,
        settings: Settings,
        snapshot: Snapshot,
        calls: CallTable,
        ids: Ids,
        sent_by: Address,
        utc_of: Callable[[float], datetime],
        master_secret: bytes,
        node: str,
    ) -> None:
        """`sent_by` is what our Via shows, `utc_of` gives the wall time of a monotonic moment,
        `master_secret` is the deployment's nonce secret and `node` this node's name (EDGE G3)."""
        admission = settings.admission
        nonces = Nonces(
            master_secret=master_secret, node=node, lifetime_s=admission.nonce_lifetime_s
        )
        self._context = Context(
            settings=settings,
            snapshot=snapshot,
            calls=calls,
            authentication=Authentication(admission, nonces),
            ids=ids,
            sent_by=sent_by,
            utc_of=utc_of,
        )
        self._sources = Sources(snapshot)
        self._is_configured = bool(snapshot.connectors)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force; the owner replaces it whole (A9)."""
        return self._context.snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._context.snapshot = snapshot
        self._sources = Sources(snapshot)
        self._is_configured = True

    @property
    def overloaded(self) -> bool:
        """Whether new calls are refused for lack of resources (EDGE R30); the owner sets it."""
        return self._context.overloaded

    @overloaded.setter
    def overloaded(self, overloaded: bool) -> None:
        self._context.overloaded = overloaded

    @property
    def rates(self) -> CallRates:
        """The calls per second of connectors; shared with whoever asks the other nodes (A10)."""
        return self._context.call_rates

    def peers_seen(self, peers: int, calls: Mapping[str, int]) -> None:
        """Take how many other nodes there are and what calls they hold (A10, EDGE R16)."""
        self._context.call_rates.peers = peers
        self._context.peer_calls = calls

    def is_known(self, flow: Flow) -> bool:
        """Tell whether a carrier or a listed PBX is at the other end."""
        return self._sources.of(flow.remote).is_known

    def may_spend(self, data: bytes, flow: Flow, now: float) -> bool:
        """1, before parsing: tell whether a datagram is worth reading (EDGE S1, S3).

        Known sources and the far ends of our calls always are; strangers have a rate.
        """
        return (
            self.is_known(flow)
            or self._context.calls.has_leg_at(flow.remote[0])
            or self._context.limits.may_be_parsed(data, flow.remote[0], now)
        )

    def judge(self, request: Request, flow: Flow, now: float) -> Verdict | AwaitCount:
        """Return what becomes of a request that belongs to no transaction and no dialog."""
        if request.method == "ACK":
            return Silence("an ACK belongs to no call that this edge holds")
        source = self._sources.of(flow.remote)
        case = Case(request, flow, now, source, self._context)
        try:
            if not source.is_known and not self._is_far_end(case):
                return self._judge_stranger(case)
            if source.carrier is not None and source.nearer_ids and _names_one_of(case):
                case = Case(request, flow, now, source._replace(carrier=None), self._context)
            return _judged_by(_list_for(case), case)
        except SipParseError as error:
            return _unreadable(error, case) if source.is_known else _ignored(source)

    def counted(self, case: Case, admitted: bool, now: float) -> Verdict | AwaitCount:
        """Return what becomes of a call that has waited for the count of all nodes."""
        case.now = now
        if not admitted:
            return exceeds_call_rate(case)
        try:
            return _judged_by(COUNTED_CALL, case)
        except SipParseError as error:
            return _unreadable(error, case)

    def malformed(self, error: MalformedRequest, flow: Flow, now: float) -> Refuse | Silence:
        """2 and 3: answer a request that could not be read; only known sources get one (R18)."""
        source = self._sources.of(flow.remote)
        request = error.request
        if request is None or request.method == "ACK" or not source.is_known:
            return _ignored(source)
        return _unreadable(error.error, Case(request, flow, now, source, self._context))

    def _is_far_end(self, case: Case) -> bool:
        """Tell whether a stranger speaks of a dialog with us: a route host does (EDGE S1)."""
        in_dialog = case.request.to.tag is not None or case.request.method == "CANCEL"
        return in_dialog and self._context.calls.has_leg_at(case.source.address)

    def _judge_stranger(self, case: Case) -> Refuse | Silence:
        """R7, R36: silence, or a short refusal to whoever names a connector.

        R32: a node that has never read its configuration knows nobody; peers try another node.
        """
        if not self._is_configured:
            return self._refused_if_small(503, _UNCONFIGURED, case)
        case.connector = case.connector_named()
        if case.connector is None:
            return _ignored(case.source)
        hint = not_in_allow_list(case.source.address, case.connector)
        return self._refused_if_small(403, hint, case)

    def _refused_if_small(self, status: int, hint: str, case: Case) -> Refuse | Silence:
        """Refuse a stranger's new work in a few octets, now and then (EDGE R7, S2)."""
        request, address = case.request, case.source.address
        if request.method not in ("INVITE", "OPTIONS") or request.to.tag is not None:
            return Silence(hint)
        refusal = case.refuse(status, hint, stateless=True)
        if _answer_length(refusal, case) > _least_length(request):
            return Silence(hint)
        if not self._context.limits.may_be_refused(address, case.now):
            return Silence(hint)
        return refusal


def _judged_by(check_list: CheckList, case: Case) -> Verdict | AwaitCount:
    for check in check_list.checks:
        verdict = check(case)
        if verdict is not None:
            return verdict
    return check_list.conclude(case)


def _names_one_of(case: Case) -> bool:
    """Tell whether a PBX inside a carrier's network speaks: it names the connector that lists it.

    A carrier calls the edge itself, so listing its address takes no call away from anybody (I5).
    """
    named = case.connector_named()
    return named is not None and named.connector_id in case.source.nearer_ids


def _list_for(case: Case) -> CheckList:
    if case.request.method == "OPTIONS":
        return OPTIONS
    if case.request.method != "INVITE":
        return ANYTHING_ELSE
    return PBX_CALL if case.source.carrier is None else CARRIER_CALL


def _ignored(source: Source) -> Silence:
    if source.is_known:
        return Silence(f"{source.address} sent something that is no readable SIP request")
    length = 128 if ":" in source.address else 32
    return Silence(
        f"{source.address} is in no allow list and its request names no connector: send to a "
        f"connector's host and add {source.address}/{length} to that connector's CidrAllowedList "
        "(put_voice_connector_termination)"
    )


def _unreadable(error: SipParseError, case: Case) -> Refuse:
    """R18, R19, R24: the phrase names the element at fault."""
    hint = f"{case.request.method[:32]!r} cannot be read: {error.element}: {error.detail}"
    if error.status == 400:
        return case.refuse(400, hint, reason=f"Bad {error.element}")
    return case.refuse(error.status, hint)


def _answer_length(refusal: Refuse, case: Case) -> int:
    """Return the size of a stateless answer; its To tag has 128 bits in hex (EDGE S10)."""
    answer = response_bytes(
        case.request, case.flow, refusal.status, refusal.reason, to_tag="0" * 32
    )
    return len(answer)


_UNCONFIGURED = "this node has no configuration yet: DynamoDB does not answer"
_SHORT = frozenset(COMPACT.values())


def _least_length(request: Request) -> int:
    """Return a size that the request had at least, however it was written."""
    total = len(f"{request.method} {request.uri} SIP/2.0\r\n\r\n") + len(request.body)
    for name, values in request.headers.items():
        name_length = 1 if name in _SHORT else len(name)
        total += sum([name_length + len(value) + 3 for value in values])
    return total
