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
    is_within_spending,
    names_a_connector,
)
from edge.policy.destination import (
    has_a_destination,
    has_an_owner,
    has_origination,
    join_parameters,
)
from edge.policy.encryption import terms_of_caller
from edge.policy.header_policy import Way, invite_headers
from edge.policy.nonces import Nonces
from edge.policy.number_rules import ANONYMOUS
from edge.policy.reasons import Reason
from edge.policy.request_checks import (
    has_hops_left,
    has_usable_content,
    has_usable_interval,
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
from edge.policy.spending import Spending
from edge.policy.strangers import judge_stranger
from edge.policy.verdict import (
    ACCEPT,
    ALLOW,
    SUPPORTED,
    AdmitCall,
    AnswerOptions,
    Refuse,
    Silence,
    Verdict,
)
from edge.sip.grammar import SipParseError
from edge.sip.message import MalformedRequest, Request
from model.cdr import Disposition
from model.connector import Connector, connector_host
from model.numbers import facts_of
from model.settings import Settings

Check: TypeAlias = Callable[[Case], Verdict | AwaitCount | None]


class CheckList(NamedTuple):
    """Checks in their order, and the verdict when none of them objects."""

    checks: tuple[Check, ...]
    conclude: Callable[[Case], Verdict]


def _admit(case: Case) -> AdmitCall:
    assert case.connector is not None, "a check finds the connector"
    shown = case.connector if case.called is None else case.called
    host = connector_host(shown.connector_id, case.context.settings.domain)
    way = _way(case)
    return AdmitCall(
        disposition=case.disposition,
        connector=case.connector,
        carrier=case.source.carrier,
        from_number=case.from_number,
        to_number=case.to_number,
        auth_user=case.auth_user,
        anonymous=case.caller.anonymous or case.from_number == ANONYMOUS,
        offer=case.offer,
        headers=invite_headers(case.request, way, host, case.context.settings.headers),
        callees=case.callees,
        bridge=case.bridge,
        terms=terms_of_caller(case),
        join_parameters=() if case.bridge is None else join_parameters(case),
        new_region=_new_region(case, case.connector) if way is Way.TO_CARRIER else None,
    )


def _way(case: Case) -> Way:
    if case.disposition is Disposition.ORIGINATION:
        return Way.TO_PBX
    return Way.ON_NET if case.stays_on_net else Way.TO_CARRIER


def _new_region(case: Case, connector: Connector) -> str | None:
    """Return the dialed country when this connector has not called it before (EDGE S6)."""
    facts = facts_of(case.to_number)
    if facts is None or not case.context.spending.is_new_region(
        connector.connector_id, facts.region
    ):
        return None
    return facts.region


def _answer_options(case: Case) -> AnswerOptions:
    return AnswerOptions((ALLOW, ACCEPT, SUPPORTED), case.connector)


def _no_such_dialog(case: Case) -> Refuse:
    hint = f"{case.request.method} belongs to no call that this edge holds"
    return case.refuse(Reason.NO_DIALOG, hint)


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
        has_usable_interval,  # R29
        has_usable_content,  # 16
        is_within_call_rate,  # 17
        is_number_dialable,  # 18, 19
        has_caller_id,  # 20
        has_a_destination,  # O5, I4
        is_no_loop,  # L2: needs both numbers
        is_within_spending,  # S6
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
        has_usable_interval,  # R29
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
        tls_port: int = 5061,
    ) -> None:
        """`sent_by` is what our Via shows, over TLS with `tls_port`; `utc_of` gives the wall time
        of a monotonic moment, `master_secret` is the deployment's nonce secret and `node` this
        node's name (EDGE G3)."""
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
            tls_port=tls_port,
            utc_of=utc_of,
        )
        self._sources = Sources(snapshot)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force; the owner replaces it whole (A9)."""
        return self._context.snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._context.snapshot = snapshot
        self._sources = Sources(snapshot)

    @property
    def is_configured(self) -> bool:
        """Whether the whole configuration is known (EDGE R32); the owner sets it."""
        return self._context.is_configured

    @is_configured.setter
    def is_configured(self, is_configured: bool) -> None:
        self._context.is_configured = is_configured

    @property
    def spending(self) -> Spending:
        """What connectors have spent; the owner tells it of answers and ends (EDGE S6)."""
        return self._context.spending

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

    def knows(self, remote: Address) -> bool:
        """Tell whether a carrier, a listed PBX or the far end of a call is there (EDGE S1)."""
        return self._sources.of(remote).is_known or self._context.calls.has_leg_at(remote[0])

    def is_tolerable(self, flow: Flow, now: float) -> bool:
        """Tell whether a stream stays open on which a bad request came: a stranger's third ends it
        (EDGE S2)."""
        return self.knows(flow.remote) or self._context.limits.may_err_again(flow.remote[0], now)

    def may_spend(self, data: bytes, flow: Flow, now: float) -> bool:
        """1, before parsing: tell whether a datagram is worth reading (EDGE S1, S3).

        Known sources and the far ends of our calls always are; strangers have a rate.
        """
        return self.knows(flow.remote) or self._context.limits.may_be_parsed(
            data, flow.remote[0], now
        )

    def judge(self, request: Request, flow: Flow, now: float) -> Verdict | AwaitCount:
        """Return what becomes of a request that belongs to no transaction and no dialog."""
        if request.method == "ACK":
            return Silence(Reason.STRAY, "an ACK belongs to no call that this edge holds")
        source = self._sources.of(flow.remote)
        case = Case(request, flow, now, source, self._context)
        try:
            if not source.is_known and not self._is_far_end(case):
                return judge_stranger(case)
            if source.carrier is not None and source.nearer_ids and _names_one_of(case):
                case = Case(request, flow, now, source._replace(carrier=None), self._context)
            return _judged_by(_list_for(case), case)
        except SipParseError as error:
            return _unreadable(error, case) if source.is_known else _unread(source)

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
            return _unread(source)
        case = Case(request, flow, now, source, self._context)
        case.connector = case.connector_meant()
        return _unreadable(error.error, case)

    def _is_far_end(self, case: Case) -> bool:
        """Tell whether a stranger speaks of a dialog with us: a route host does (EDGE S1)."""
        in_dialog = case.request.to.tag is not None or case.request.method == "CANCEL"
        return in_dialog and self._context.calls.has_leg_at(case.source.address)


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


def _unread(source: Source) -> Silence:
    hint = f"{source.address} sent something that is no readable SIP request"
    return Silence(Reason.UNREADABLE, hint)


def _unreadable(error: SipParseError, case: Case) -> Refuse:
    """R18, R19, R24: the phrase names the element at fault."""
    hint = f"{case.request.method[:32]!r} cannot be read: {error.element}: {error.detail}"
    why = _UNREADABLE.get(error.status)
    if why is None:
        return case.refuse(Reason.MALFORMED, hint, text=f"Bad {error.element}")
    return case.refuse(why, hint)


_UNREADABLE = {
    414: Reason.URI_TOO_LONG,
    416: Reason.SCHEME,
    505: Reason.VERSION,
    513: Reason.TOO_LARGE,
}
"""What the parser refuses by another status than 400."""
