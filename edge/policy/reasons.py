"""Why a request is refused, or not answered at all: one closed list for the whole edge (EDGE 2.2).

Each reason is defined here and nowhere else, with what it means and what to do. Its text stands in
the answer (in a Warning 399, or as the reason phrase where EDGE 2.2 fixes one), in the record's
StatusMessage (6.3) and in the log; its code stands in the log, for programs and `ovc explain`.
docs/refusals.md is this list for people.
"""

from typing import NamedTuple

from edge.symbol import Symbol

_ANY_FINAL = (400, 404, 410, 480, 484, 486, 488, 500, 600, 603, 604)
"""The usual ones of what a callee may say; it reaches the caller unchanged (EDGE E5)."""


class Entry(NamedTuple):
    """What is fixed about a reason."""

    code: str
    """Stable, for programs."""
    statuses: tuple[int, ...]
    """What it is answered with, the usual one first; empty for silence."""
    text: str
    """Stable, for people; where it has a variable part, this is its pattern."""
    rules: str
    """Where docs/spec/EDGE.md demands it."""
    remedy: str
    """What to do, for whoever runs the PBX."""
    in_phrase: bool = False
    """The reason phrase is the text, so that no Warning is needed."""
    limited: bool = False
    """A limit is the reason: the record is Rate_Limited and its message the text alone (6.3)."""


class Reason(Symbol):
    """Every reason, in the order of the checks (EDGE 2.1), then what happens to admitted calls."""

    # fmt: off
    STRANGER_RATE = Entry("stranger-rate", (), "Unknown source sends too much", "S3",
        "put the source into the connector's CidrAllowedList")
    NOT_CONFIGURED = Entry("not-configured", (503,), "Node has no configuration yet", "R32",
        "nothing: another node takes the call; the operator looks whether DynamoDB answers")
    NAMES_NO_CONNECTOR = Entry("names-no-connector", (),
        "Unknown source names no connector", "R36, S2",
        "send to the connector's host and put the source into its CidrAllowedList")
    UNREADABLE = Entry("unreadable", (), "No readable SIP request", "R18, S8",
        "look at what else sends to this port; SIP needs Via, From, To, Call-ID and CSeq")
    STRAY = Entry("stray", (), "ACK of no call held here", "R23",
        "nothing, if it is rare: the call has ended already")
    OVERLOAD = Entry("overload", (503,), "Node is overloaded", "R30",
        "add nodes")
    SOURCE_RATE = Entry("source-rate", (503,), "Calls per second of the source exceeded", "S3",
        "raise CpsLimit, or invites_per_second of a carrier; look for a loop or a retrying dialer")
    MALFORMED = Entry("malformed", (400,), "Bad <header>", "R18",
        "the phrase names the header at fault: look at it in a trace of the PBX", in_phrase=True)
    VERSION = Entry("version", (505,), "SIP version not supported", "R19",
        "use SIP/2.0")
    TOO_LARGE = Entry("too-large", (513,), "Message too large", "R24",
        "send fewer or shorter headers, or a smaller body")
    METHOD = Entry("method", (405, 501), "Method not supported", "R1, R2",
        "switch registration, presence and messaging off for this trunk")
    URI_TOO_LONG = Entry("uri-too-long", (414,), "Request-URI too long", "R25",
        "shorten the Request-URI")
    SCHEME = Entry("scheme", (416,), "URI scheme not supported", "R26",
        "dial sip: URIs, not tel:")
    SIPS_WITHOUT_TLS = Entry("sips-without-tls", (416,), "sips needs TLS", "R26",
        "use TLS, or sip: in the URI")
    NO_DIALOG = Entry("no-dialog", (481,), "No such call", "R23, E2",
        "nothing, if the call had ended; else look whether the node was restarted")
    MERGED = Entry("merged", (482,), "Request came twice", "R27, L1",
        "send each request over one path only")
    LOOP = Entry("loop", (482,), "Call loop", "R27, L1, L2",
        "find the rule on the PBX that sends calls from here back to here")
    HOPS = Entry("hops", (483,), "Max-Forwards is 0", "R28, B4",
        "look for a routing loop")
    UNKNOWN_HOST = Entry("unknown-host", (404,), "Host names no connector", "R8, R9",
        "send calls to OutboundHostName of the connector, by name and not by address")
    TERMINATION_DISABLED = Entry("termination-disabled", (403,), "Termination disabled", "R10",
        "enable it: put_voice_connector_termination")
    NOT_LISTED = Entry("not-in-allow-list", (403,), "Source not in allow list", "R7, S16",
        "add the source to CidrAllowedList: put_voice_connector_termination")
    TLS_REQUIRED = Entry("tls-required", (403,), "TLS Required", "R11",
        "use TLS, or turn RequireEncryption off: update_voice_connector", in_phrase=True)
    DRAINING = Entry("draining", (503,), "Node is draining", "R31",
        "nothing: another node takes the call; respect the DNS TTL")
    NO_MEDIA_PORTS = Entry("no-media-ports", (503,), "No media ports left", "R30",
        "add nodes, or widen media.first_port to media.last_port")
    NO_CREDENTIALS = Entry("no-credentials", (407, 401), "No credentials given", "R14, G2",
        "nothing, if the call comes again with credentials; else give the PBX user and password")
    OTHER_CREDENTIALS = Entry("other-credentials", (407, 401),
        "Credentials of another realm or form", "R14, G5",
        "the realm is the connector's host; an algorithm of the challenge and qop=auth are wanted")
    FOREIGN_NONCE = Entry("foreign-nonce", (407, 401), "Nonce not issued to this source", "R14, G3",
        "answer the last challenge, from the address that it was sent to")
    WRONG_PASSWORD = Entry("wrong-password", (407, 401), "User or password wrong", "R14, G5, S7",
        "compare them with put_voice_connector_termination_credentials")
    OTHER_URI = Entry("other-uri", (407, 401), "Credentials made for another URI", "R14, G5",
        "the digest's uri must be the Request-URI: look whether something rewrites it on its way")
    STALE_NONCE = Entry("stale-nonce", (407, 401), "Nonce used before or expired", "R14, G3, G4",
        "nothing: the PBX answers the new challenge by itself")
    LOCKED = Entry("digest-locked", (403,), "Too many failed authentications", "G7, S7",
        "correct the password and wait five minutes")
    EXTENSION = Entry("extension", (420,), "Required extension not supported", "R22",
        "make the extension optional on the PBX (Supported, not Require)")
    INTERVAL_TOO_SMALL = Entry("interval-too-small", (422,), "Session interval too small", "R29",
        "let Session-Expires of the PBX be 90 seconds or more")
    CONTENT_ENCODING = Entry("content-encoding", (415,), "Content-Encoding not supported", "R20",
        "send the body as it is")
    CONTENT_TYPE = Entry("content-type", (415,), "Body is not application/sdp", "R20",
        "send SDP, or no body")
    NOT_ACCEPTED = Entry("accept", (406,), "application/sdp not accepted", "R21",
        "leave Accept away or put application/sdp into it")
    CALLS_PER_SECOND = Entry("calls-per-second", (503,), "Calls per second exceeded", "R15",
        "raise CpsLimit: put_voice_connector_termination", limited=True)
    DIALED_NUMBER = Entry("dialed-number", (403,), "Dialed number not valid", "R3, R37, O1",
        "dial + country code number, as in +12065550100; short codes are not dialed")
    NUMBER_KIND = Entry("number-kind", (403,), "Dialed number kind not permitted", "S6",
        "the operator may take the kind out of the setting admission.refused_kinds")
    CALLING_REGION = Entry("calling-region", (403,), "Calling region not permitted", "R5, R6, S6",
        "add the country to CallingRegions: put_voice_connector_termination")
    CALLER_ID = Entry("caller-id", (403,), "Caller Id <id> is not valid", "R4, O2",
        "send a valid US number, or set DefaultPhoneNumber: put_voice_connector_termination",
        in_phrase=True)
    MINUTES_PER_DAY = Entry("minutes-per-day", (403,), "Minutes per day exceeded", "S6",
        "look whether these calls are wanted; raise the setting admission.minutes_per_day",
        limited=True)
    CALLS_PER_PREFIX = Entry("calls-per-prefix", (403,),
        "Calls per destination prefix exceeded", "S6",
        "look whether these calls are wanted; raise admission.calls_per_prefix_per_hour",
        limited=True)
    CONCURRENT_CALLS = Entry("concurrent-calls", (503,), "Concurrent calls exceeded", "R16",
        "raise admission.concurrent_calls_per_connector, or concurrent_calls of a node",
        limited=True)
    SDP_MALFORMED = Entry("sdp-malformed", (400,), "<what is wrong with the SDP>", "R18, SD1",
        "look at the line of the SDP that the text names")
    SDP_NOT_ACCEPTABLE = Entry("sdp-not-acceptable", (488,),
        "<what cannot be accepted>", "R17, R38, SD3, SD9",
        "offer PCMU over RTP/AVP or RTP/SAVP at an IPv4 address")
    PLAIN_MEDIA = Entry("plain-media", (488,), "Encrypted media required", "R12, K15",
        "switch SRTP (SDES) on at the PBX, or turn RequireEncryption off: update_voice_connector")
    NO_USABLE_KEYS = Entry("no-usable-keys", (488,), "No usable a=crypto line", "R12, K15",
        "compare the suites and keys of the PBX's a=crypto lines with docs/spec/EDGE.md, 3.2")
    SRTP_WITHOUT_TLS = Entry("srtp-without-tls", (488,), "Encrypted media needs TLS", "R13",
        "send the call over TLS, or switch SRTP off at the PBX")
    NOT_ASSIGNED = Entry("number-not-assigned", (404,), "Number not assigned", "I4, I6",
        "order and assign it: associate_phone_numbers_with_voice_connector")
    ORIGINATION_DISABLED = Entry("origination-disabled", (480,), "Origination disabled", "I4",
        "give the connector routes and enable it: put_voice_connector_origination")
    # What happens to calls that were admitted.
    NO_CARRIER = Entry("no-carrier", (503,), "No carrier takes this number", "R34, F13",
        "the operator adds a carrier whose prefixes hold the number")
    NO_TLS_TARGET = Entry("no-tls-target", (416,), "sips cannot leave by TLS", "W10, R26",
        "dial a sip: URI; or give the routes, or the carrier, TLS")
    CARRIERS_FAILED = Entry("carriers-failed", (503,), "All carriers failed", "R34, F4",
        "ovc explain shows each attempt; /ext/carriers shows who is out")
    NO_ROUTE = Entry("no-route", (480,), "No route can be reached", "R35, W11",
        "look whether the names of the connector's routes resolve")
    ROUTES_FAILED = Entry("routes-failed", (480,), "All routes failed", "R35, F4",
        "ovc explain shows each attempt: look whether the PBX is up and lets the edge in")
    CALLED_SIDE = Entry("called-side", _ANY_FINAL, "<phrase of the called side>", "E5, F6",
        "ask the called side: its own answer is passed on", in_phrase=True)
    CALLED_SIDE_MEDIA = Entry("called-side-media", (488, 606), "Refused by the called side", "E5",
        "compare the codecs of both sides: PCMU is what passes")
    CALLED_SIDE_FAILED = Entry("called-side-failed", (480,), "Called side failed", "E5, F5",
        "the called side rang and failed after that: look at its log")
    REDIRECTED = Entry("redirected", (480,), "Redirection not followed", "E5",
        "let the called side send the call on by itself (no 3xx)")
    ANSWER_NOT_ACCEPTABLE = Entry("answer-not-acceptable", (488, 400),
        "<what is wrong with the answer>", "E5, SD1",
        "look at the SDP that the called side answered with")
    NO_ANSWER = Entry("no-answer", (480,), "No answer", "E6",
        "nobody took the call, or nothing more was heard")
    INVITE_EXPIRED = Entry("invite-expired", (487,), "INVITE expired", "E6",
        "the caller's Expires was over")
    CANCELLED = Entry("cancelled", (487,), "Request Terminated", "E1, E8",
        "the caller hung up", in_phrase=True)
    ENDED_BY_NODE = Entry("ended-by-node", (480,), "<why the node ended it>", "C9",
        "the node was stopped, or lost its media: the call may be placed again")
    # fmt: on

    @property
    def code(self) -> str:
        """Return what programs know it by."""
        return self.value.code

    @property
    def text(self) -> str:
        """Return what people read."""
        return self.value.text

    @property
    def status(self) -> int:
        """Return the usual status."""
        return self.value.statuses[0]

    @property
    def in_phrase(self) -> bool:
        """Tell whether the reason phrase is the text."""
        return self.value.in_phrase

    @property
    def limited(self) -> bool:
        """Tell whether a limit is the reason."""
        return self.value.limited


BY_CODE = {reason.code: reason for reason in Reason}
