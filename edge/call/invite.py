"""The INVITE that goes to the called side (EDGE O3, O4, I1-I3, 1.13)."""

from edge.call.leg import SDP_TYPE, Stack
from edge.call.session_timer import session_fields
from edge.flow import Transport
from edge.policy.session_interval import LEAST_S
from edge.policy.verdict import ALLOW, SUPPORTED, AdmitCall
from edge.routing.targets import Target
from edge.sip.exchange import Fields, OutgoingRequest
from model.cdr import Disposition
from model.connector import connector_host
from model.settings import CallSettings, InboundUriHost, Settings

ANONYMOUS = "sip:anonymous@anonymous.invalid"


def b_leg_invite(
    stack: Stack,
    settings: Settings,
    admitted: AdmitCall,
    target: Target,
    *,
    tag: str,
    max_forwards: int,
    body: bytes,
) -> OutgoingRequest:
    """Return the INVITE of one attempt; every attempt has its own Call-ID and tag (EDGE F7)."""
    inbound = admitted.disposition is Disposition.ORIGINATION
    host = _uri_host(settings, admitted, target)
    uri = f"sip:{admitted.to_number}@{host}"
    caller = f"sip:{admitted.from_number}@{stack.address[0]}"
    return OutgoingRequest(
        method="INVITE",
        uri=uri,
        from_=_from(admitted, caller, tag),
        to=f"<{uri}>",
        call_id=stack.ids.call_id(),
        cseq=1,
        max_forwards=max_forwards,
        fields=(
            stack.contact(target.transport),
            *_identity(admitted, caller, inbound),
            ALLOW,
            SUPPORTED,
            *_session(settings.call),
            ("User-Agent", stack.product),
            *((("X-VoiceConnector-ID", admitted.connector.connector_id),) if inbound else ()),
            *admitted.headers,
            SDP_TYPE,
        ),
        body=body,
    )


def _session(settings: CallSettings) -> Fields:
    """By default no session interval is asked for (EDGE ST2)."""
    interval_s = int(settings.session_expires_s)
    return session_fields(interval_s, LEAST_S) if interval_s else ()


def _uri_host(settings: Settings, admitted: AdmitCall, target: Target) -> str:
    if admitted.disposition is Disposition.TERMINATION:
        return target.uri_host
    if settings.routing.inbound_uri_host is InboundUriHost.CONNECTOR:
        return connector_host(admitted.connector.connector_id, settings.domain)
    return f"{target.uri_host};transport={Transport(target.transport).lower()}"


def _from(admitted: AdmitCall, caller: str, tag: str) -> str:
    if not admitted.anonymous:
        return f"<{caller}>;tag={tag}"
    name = '"Anonymous" ' if admitted.disposition is Disposition.TERMINATION else ""
    return f"{name}<{ANONYMOUS}>;tag={tag}"


def _identity(admitted: AdmitCall, caller: str, inbound: bool) -> Fields:
    """A PBX is not trusted with a withheld caller id, a carrier is (RFC 3325, EDGE I2, O4)."""
    identity = ("P-Asserted-Identity", f"<{caller}>")
    if not admitted.anonymous:
        return (identity,)
    privacy = ("Privacy", "id")
    return (privacy,) if inbound else (identity, privacy)
