"""Checks that ask about the request alone, whoever sent it (EDGE 2.1: 1, 4-8, 13, 15, 16, 22).

A check returns the verdict that ends the matter, or None to let the next one decide.
"""

from edge.media.sdp import SdpError, read
from edge.policy.case import Case
from edge.policy.content import ContentFault, has_unknown_encoding, sdp_body
from edge.policy.encryption import terms_of_caller, unusable_offer
from edge.policy.reasons import Reason
from edge.policy.session_interval import TIMER, is_too_short
from edge.policy.verdict import ACCEPT, ALLOW, MIN_SE, Fields, Refuse
from edge.sip.grammar import TOKEN, SipParseError, split_list
from edge.sip.headers import parse_via
from edge.sip.message import MAX_URI_CHARACTERS, Request

_UNSUPPORTED = frozenset(
    ("SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "UPDATE", "PRACK", "MESSAGE", "REGISTER")
)
"""Methods that are known and not supported (EDGE R1)."""
_SUPPORTED = frozenset(("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"))


def is_within_source_rate(case: Case) -> Refuse | None:
    """1: a listed source or carrier that floods is told so, at no cost in memory (EDGE S3)."""
    source = case.source
    if source.carrier is not None:
        key, rate = f"carrier {source.carrier.name}", float(source.carrier.invites_per_second)
        setting = f"raise invites_per_second of carrier {source.carrier.name}"
    else:
        key, rate = f"source {source.address}", source.listed_per_s
        setting = "raise CpsLimit (put_voice_connector_termination)"
    if case.context.source_rates.take(key, rate, rate, case.now):
        return None
    hint = f"{source.address} sends more than {rate:.0f} INVITEs per second: {setting}"
    return case.refuse(Reason.SOURCE_RATE, hint, fields=(("Retry-After", "1"),), stateless=True)


def is_method_supported(case: Case) -> Refuse | None:
    """4: R1, R2."""
    method = case.request.method
    if method in _SUPPORTED:
        return None
    hint = f"method {method[:32]!r} is not supported; INVITE, ACK, CANCEL, BYE and OPTIONS are"
    if method == "REGISTER":
        hint = "a trunk needs no registration: switch it off and use the edge as outbound proxy"
    status = 405 if method in _UNSUPPORTED else 501
    return case.refuse(Reason.METHOD, hint, status=status, fields=(ALLOW,))


def is_uri_readable(case: Case) -> Refuse | None:
    """5: R25, R26; a malformed URI raises SipParseError."""
    if len(case.request.uri) > MAX_URI_CHARACTERS:
        hint = f"the Request-URI has more than {MAX_URI_CHARACTERS} characters"
        return case.refuse(Reason.URI_TOO_LONG, hint)
    if case.uri.scheme == "sips" and case.flow.transport != "TLS":
        hint = f"a sips: URI came over {case.flow.transport}: send it over TLS or use sip:"
        return case.refuse(Reason.SIPS_WITHOUT_TLS, hint)
    return None


def is_outside_dialog(case: Case) -> Refuse | None:
    """6: R23; what belongs to a dialog has been taken before admission is asked."""
    if case.request.to.tag is None:
        return None
    hint = "the request belongs to a call that this edge does not hold"
    return case.refuse(Reason.NO_DIALOG, hint)


def is_first_of_its_kind(case: Case) -> Refuse | None:
    """7: a merged request, or one that came through ourselves (R27, L1)."""
    if case.context.calls.is_merged(case.request):
        return case.refuse(Reason.MERGED, "the request came twice: send it over one path only")
    if _came_through_us(case):
        return case.refuse(Reason.LOOP, "the request came back: look for a routing loop")
    return None


def _came_through_us(case: Case) -> bool:
    host, port = case.context.sent_by
    ports = (port, case.context.tls_port)
    for value in case.request.headers["via"]:
        if host in value:
            for member in split_list(value, element="Via"):
                via = parse_via(member)
                if via.host == host and via.address[1] in ports:
                    return True
    return False


def has_hops_left(case: Case) -> Refuse | None:
    """8: R28; OPTIONS to the edge itself needs no hop (EDGE B4)."""
    forwards = case.request.get("max-forwards")
    if forwards is None or int(forwards) > 0 or case.request.method != "INVITE":
        return None
    return case.refuse(Reason.HOPS, "Max-Forwards is 0: look for a routing loop")


def is_load_bearable(case: Case) -> Refuse | None:
    """R30, before all else: whoever is known is told at once, at no cost in memory or records."""
    if not case.context.overloaded or case.request.to.tag is not None:
        return None
    hint = "this node is overloaded: add nodes or lower the call rate"
    return case.refuse(Reason.OVERLOAD, hint, fields=_retry_later(case), stateless=True)


def is_node_ready(case: Case) -> Refuse | None:
    """13: R31, R30."""
    if case.context.calls.draining():
        hint = "this node is draining: it takes no new calls before it stops"
        return case.refuse(Reason.DRAINING, hint, fields=(("Retry-After", "30"),))
    if case.context.calls.has_ports():
        return None
    hint = "this node has no media ports left: add nodes or widen media.first_port to last_port"
    return case.refuse(Reason.NO_MEDIA_PORTS, hint, fields=_retry_later(case))


def _retry_later(case: Case) -> Fields:
    """A different time for each, so that they do not all come back at once (EDGE R30)."""
    return (("Retry-After", str(5 + case.context.ids.below(11))),)


def requires_nothing_unknown(case: Case) -> Refuse | None:
    """15: R22; session timers are the only extension."""
    headers = case.request.headers
    if "require" not in headers and "proxy-require" not in headers:
        return None
    text = ", ".join(unknown_extensions(case.request))
    if not text:
        return None
    hint = f"the peer requires SIP extensions ({text[:64]}): make them optional there"
    return case.refuse(Reason.EXTENSION, hint, fields=(("Unsupported", text),))


def unknown_extensions(request: Request) -> list[str]:
    """Return the option tags that a request requires and nobody here knows (EDGE R22).

    Raises SipParseError for what is no option tag.
    """
    tags = [*request.members("require"), *request.members("proxy-require")]
    if any(TOKEN.fullmatch(tag) is None for tag in tags):
        raise SipParseError("Require", "an option tag is malformed")
    return [tag for tag in tags if tag.lower() != TIMER]


def has_usable_interval(case: Case) -> Refuse | None:
    """Session timer: R29."""
    if "session-expires" not in case.request.headers or not is_too_short(case.request):
        return None
    hint = "the peer wants its session refreshed too often: let its Session-Expires be 90 or more"
    return case.refuse(Reason.INTERVAL_TOO_SMALL, hint, fields=(MIN_SE,))


def has_usable_content(case: Case) -> Refuse | None:
    """16: R20, R21; size limits are the parser's (R24)."""
    if has_unknown_encoding(case.request):
        hint = "the body is encoded: send it without Content-Encoding"
        fields = (("Accept-Encoding", "identity"),)
        return case.refuse(Reason.CONTENT_ENCODING, hint, fields=fields)
    found = sdp_body(case.request)
    if isinstance(found, ContentFault):
        hint = "an INVITE must carry and accept application/sdp"
        if found is ContentFault.NOT_ACCEPTABLE:
            return case.refuse(Reason.NOT_ACCEPTED, hint)
        return case.refuse(Reason.CONTENT_TYPE, hint, fields=(ACCEPT,))
    case.sdp = found
    return None


def has_usable_offer(case: Case) -> Refuse | None:
    """22: R12, R13, R17, R38; an INVITE without SDP is a late offer (EDGE A1)."""
    if not case.sdp:
        return None
    try:
        case.offer = read(case.sdp, terms_of_caller(case))
    except SdpError as error:
        return unusable_offer(case, error)
    return None
