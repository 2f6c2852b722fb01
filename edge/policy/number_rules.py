"""Which numbers may be dialed and shown (EDGE O1, O2, I6, R3-R6, S6)."""

from typing import NamedTuple

from edge.config import Snapshot
from edge.policy.reasons import Reason
from edge.sip.headers import NameAddress, parse_name_address
from edge.sip.message import Request
from edge.sip.uri import parse_uri
from model.cdr import filtered_number
from model.connector import Termination
from model.numbers import facts_of, is_caller_id, is_e164
from model.settings import AdmissionSettings, CallerIdPolicy

ANONYMOUS = "anonymous"
"""User part of a withheld caller id (RFC 3323 §4.1.1.3), also in records (EDGE C2)."""

_ANONYMOUS_HOST = "anonymous.invalid"
_HIDING = frozenset({"id", "user", "full"})
_TEL_SEPARATORS = str.maketrans("", "", "-.()")


class GivenCaller(NamedTuple):
    """Who an INVITE says is calling, before any rule is applied."""

    user: str
    anonymous: bool


def given_caller(request: Request) -> GivenCaller:
    """Return the caller by P-Asserted-Identity, else From (EDGE O2); raises SipParseError."""
    asserted = _asserted_user(request)
    origin = request.from_
    scheme, user, host = _party(origin, "From")
    hidden = host == _ANONYMOUS_HOST or (scheme != "tel" and user.lower() == ANONYMOUS)
    if not hidden and "privacy" in request.headers:
        wishes = ",".join(request.headers["privacy"]).replace(";", ",").lower().split(",")
        hidden = any(wish.strip() in _HIDING for wish in wishes)
    return GivenCaller(user if asserted is None else asserted, hidden)


def _asserted_user(request: Request) -> str | None:
    if "p-asserted-identity" not in request.headers:
        return None
    for member in request.members("p-asserted-identity"):
        name = "P-Asserted-Identity"
        scheme, user, _ = _party(parse_name_address(member, name), name)
        if scheme:
            return user
    return None


def _party(address: NameAddress, element: str) -> tuple[str, str, str]:
    """Return scheme, user text and host; the scheme is empty when it is neither sip(s) nor tel."""
    scheme, _, rest = address.uri.partition(":")
    scheme = scheme.lower()
    if scheme == "tel":
        return scheme, rest.partition(";")[0].translate(_TEL_SEPARATORS), ""
    if scheme not in ("sip", "sips"):
        return "", "", ""
    uri = parse_uri(address.uri, element=element)
    return scheme, uri.user_text, uri.host


def dialed_by_carrier(user: str) -> str:
    """Return the called number of a carrier's request: user parameters are cut (EDGE I6)."""
    return user.partition(";")[0]


def shown_to_pbx(caller: GivenCaller) -> str:
    """Return the caller of an inbound call as PBX and record see it (EDGE I2, I6, C2)."""
    if caller.anonymous or caller.user.lower() == ANONYMOUS:
        return ANONYMOUS
    return filtered_number(caller.user.partition(";")[0]) or ANONYMOUS


class Objection(NamedTuple):
    """Why a number may not be dialed: the reason, and a hint for the operator."""

    why: Reason
    hint: str


def objection_to(
    number: str, termination: Termination, settings: AdmissionSettings
) -> Objection | None:
    """Return why a connector may not dial a number, None when it may (R3, R5, R6, R37, S6)."""
    facts = facts_of(number)
    if facts is None:
        shown = filtered_number(number) or "an empty user part"
        return Objection(
            Reason.DIALED_NUMBER,
            f"{shown} is no valid E.164 number: dial + country code number, as in +12065550100",
        )
    if facts.kind.value in settings.refused_kinds:
        return Objection(
            Reason.NUMBER_KIND,
            f"{number} is a {facts.kind.value} number: "
            f"take {facts.kind.value} out of the setting admission.refused_kinds",
        )
    if facts.region not in termination.calling_regions:
        return Objection(
            Reason.CALLING_REGION,
            f"{number} is in region {facts.region}: "
            f"add {facts.region} to CallingRegions (put_voice_connector_termination)",
        )
    return None


def permitted_caller(
    user: str, termination: Termination, policy: CallerIdPolicy, snapshot: Snapshot
) -> str | None:
    """Return the caller id that a call goes out with, None when there is none (EDGE O2)."""
    if policy is CallerIdPolicy.US_VALID:
        fits = is_caller_id(user)
    else:
        fits = is_e164(user) and user in snapshot.numbers
    return user if fits else termination.default_phone_number
