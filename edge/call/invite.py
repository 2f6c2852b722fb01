"""The INVITE that goes to the called side (EDGE O3, O4, I1-I3, 1.13)."""

from edge.call.leg import SDP_TYPE, Stack
from edge.call.session_timer import session_fields
from edge.flow import Transport
from edge.policy.session_interval import LEAST_S
from edge.policy.verdict import ALLOW, SUPPORTED, AdmitCall
from edge.routing.targets import Target
from edge.sip.exchange import Fields, OutgoingRequest
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
    to_pbx = bool(target.connector_id)
    uri = f"sip:{admitted.to_number}@{_uri_host(settings, target)}"
    uri += "".join([f";{name}={value}" for name, value in admitted.join_parameters])
    caller = f"sip:{admitted.from_number}@{stack.address[0]}"
    return OutgoingRequest(
        method="INVITE",
        uri=uri,
        from_=_from(admitted, caller, tag, to_pbx),
        to=f"<{uri}>",
        call_id=stack.ids.call_id(),
        cseq=1,
        max_forwards=max_forwards,
        fields=(
            stack.contact(target.transport),
            *_identity(admitted, caller, to_pbx),
            ALLOW,
            SUPPORTED,
            *_session(settings.call),
            ("User-Agent", stack.product),
            *((("X-VoiceConnector-ID", target.connector_id),) if to_pbx else ()),
            *admitted.headers,
            SDP_TYPE,
        ),
        body=body,
    )


def _session(settings: CallSettings) -> Fields:
    """By default no session interval is asked for (EDGE ST2)."""
    interval_s = int(settings.session_expires_s)
    return session_fields(interval_s, LEAST_S) if interval_s else ()


def _uri_host(settings: Settings, target: Target) -> str:
    if not target.connector_id:
        return target.uri_host
    if settings.routing.inbound_uri_host is InboundUriHost.CONNECTOR:
        return connector_host(target.connector_id, settings.domain)
    return f"{target.uri_host};transport={Transport(target.transport).lower()}"


def _from(admitted: AdmitCall, caller: str, tag: str, to_pbx: bool) -> str:
    if not admitted.anonymous:
        return f"<{caller}>;tag={tag}"
    name = "" if to_pbx else '"Anonymous" '
    return f"{name}<{ANONYMOUS}>;tag={tag}"


def _identity(admitted: AdmitCall, caller: str, to_pbx: bool) -> Fields:
    """A PBX is not trusted with a withheld caller id, a carrier or bridge is (RFC 3325, I2, O4)."""
    identity = ("P-Asserted-Identity", f"<{caller}>")
    if not admitted.anonymous:
        return (identity,)
    privacy = ("Privacy", "id")
    return (privacy,) if to_pbx else (identity, privacy)
