"""Everything an operator can set, once, with its default and the reason for the number (A6).

One document for a deployment: the management plane reads `api`, the edge the rest. It is JSON with
the section and member names below; only what differs from the defaults needs to be written.
"""

import json
import re
from dataclasses import dataclass, field
from enum import Enum

from model.checks import SettingsError as SettingsError
from model.checks import check as _check
from model.connector_logs import LogSettings as LogSettings
from model.document import read_value, written_value
from model.numbers import NumberKind
from model.peers import Carrier as Carrier
from model.peers import MeetingBridge as MeetingBridge
from model.record_settings import RecordSettings as RecordSettings
from model.recordings import RecordingSettings
from model.srtp import SrtpSettings as SrtpSettings

_CONNECTORS_PER_GROUP = 49
"""One transaction has 100 actions: the group, those that leave it and those that join."""

_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:([0-9]{1,5}|\*))?")
"""Scheme, host and port as browsers write them (RFC 6454 §6.2); a port of * is any, or none."""


class CallerIdPolicy(Enum):
    """What a caller id must be (EDGE O2)."""

    US_VALID = "us-valid"
    INVENTORY = "inventory"


class InboundUriHost(Enum):
    """Host part of the Request-URI sent to a PBX (EDGE I1)."""

    CONNECTOR = "connector"
    ROUTE = "route"


class UdpLarge(Enum):
    """How a request travels that is too large for one UDP packet (EDGE W13)."""

    AUTO = "auto"
    """By TCP, and by UDP after all where nobody takes it."""
    UDP = "udp"


class TlsVerify(Enum):
    """What is asked of a certificate that a peer shows us when we connect to it (EDGE W9)."""

    FULL = "full"
    """A chain to a root that we trust, and the name that we connect to."""
    CHAIN = "chain"
    """The chain, whatever name it shows."""
    OFF = "off"
    """Nothing: encrypted, but who is there nobody knows."""


class DigestAlgorithms(Enum):
    """Which challenges are sent; MD5 alone serves peers that fail on an unknown first one (G2)."""

    SHA256_AND_MD5 = "sha256+md5"
    MD5 = "md5"


class E911Acceptance(Enum):
    """What is known of an address that is called valid (API EA1, docs/e911.md)."""

    NOTHING = "nothing"
    """No address is: nobody has checked that it exists."""
    FORM = "form"
    """One whose form is right is."""


CONNECTOR_REGIONS = (
    *("us-east-1", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2"),
    *("ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
)
"""All that the API's model has (API VC4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Limits of the management API; `aws()` is the second profile (API section 7)."""

    connectors: int = 100
    """Per region."""
    numbers: int = 10_000
    """Per account; bounds the inventory partition to about 3 MB (A4)."""
    cps_limit: int = 100
    """Highest CpsLimit of a connector."""
    credentials: int = 10
    """Per connector."""
    routes: int = 20
    """Per connector (API OR3)."""
    groups: int = 100
    """Per account."""
    connectors_per_group: int = 10

    def __post_init__(self) -> None:
        """Refuse groups that one transaction could not replace as a whole (A4)."""
        most, wanted = self.connectors_per_group, f"a number from 0 to {_CONNECTORS_PER_GROUP}"
        _check("connectors_per_group", most, most <= _CONNECTORS_PER_GROUP, wanted)

    @classmethod
    def aws(cls) -> "Quotas":
        """Return Amazon's own default quotas."""
        return cls(connectors=3, numbers=5, cps_limit=1, groups=3, connectors_per_group=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The management API."""

    quotas: Quotas = field(default_factory=Quotas)
    private_addresses: bool = False
    """Admits private addresses and prefixes wider than /27 in allow lists and routes (OR5, TM2)."""
    regions: tuple[str, ...] = CONNECTOR_REGIONS
    """AwsRegion values that connectors may have (API RG1)."""
    emergency_countries: tuple[str, ...] = ("US",)
    """Countries whose emergency numbers may be configured; Amazon has the US alone (API EC1)."""
    e911_accepts: E911Acceptance = E911Acceptance.NOTHING
    """Which addresses ValidateE911Address answers with success (API EA1)."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may use the API: `https://console.example.com`, `http://127.0.0.1:*` (A2)."""
    calling_name_delay_s: float = 0.0
    """From the change of a number's calling name until it counts as done (API PN11). 0: at the next
    run, within a minute; up to 72 h are for operators whose carriers take that long."""

    def __post_init__(self) -> None:
        """Refuse what names no region, no country, or nothing that a browser sends as an origin."""
        _check("regions", self.regions, bool(self.regions), "a region at least")
        for region in self.regions:
            is_known = region in CONNECTOR_REGIONS and self.regions.count(region) == 1
            _check("regions", region, is_known, f"each once of {', '.join(CONNECTOR_REGIONS)}")
        for country in self.emergency_countries:
            is_code = len(country) == 2 and country.isascii() and country.isalpha()
            is_code = is_code and country.isupper()
            _check("emergency_countries", country, is_code, "an ISO 3166 code such as US")
        wanted = "an origin such as https://console.example.com or http://localhost:*"
        for entry in self.cors_origins:
            _check("cors_origins", entry, _is_origin(entry), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionSettings:
    """Who may call whom (EDGE 2.1 and 7)."""

    caller_id_policy: CallerIdPolicy = CallerIdPolicy.US_VALID
    digest_algorithms: DigestAlgorithms = DigestAlgorithms.SHA256_AND_MD5
    md5_only_connectors: tuple[str, ...] = ()
    """Ids of connectors whose PBX fails on an unknown first challenge: they get MD5 alone (G2)."""
    allow_legacy_digest: bool = False
    """Whether credentials without qop count; each nonce then serves one request (EDGE G5)."""
    challenge_status: int = 407
    """407 or 401 (EDGE G2)."""
    nonce_lifetime_s: int = 300
    digest_failures: int = 5
    """Wrong answers per source and user inside a minute before the user is locked (EDGE G7)."""
    digest_lock_s: int = 300
    concurrent_calls_per_connector: int | None = None
    """None leaves a connector unlimited (EDGE R16)."""
    concurrent_calls: int = 2_000
    """Bound of one node; far below the ports and memory it has."""
    refused_kinds: tuple[str, ...] = ("premium", "shared-cost", "universal-access")
    """Number kinds that are never dialed (EDGE S6)."""
    unknown_refusals_per_source: int = 5
    """403 answers per second to one unlisted source that names a connector (EDGE S2, R7)."""
    unknown_refusals_per_node: int = 50
    unknown_requests_per_node: int = 1_000
    """Requests per second that are read of all unknown sources together: a flood from invented
    addresses costs a node a tenth of its time at most (EDGE S3)."""
    minutes_per_day: int | None = None
    """Talk of one connector's calls to the public network in a day of UTC, on one node; None leaves
    it unlimited (EDGE S6). Calls that are up go on."""
    calls_per_prefix_per_hour: int | None = None
    """Calls of one connector to numbers with the same calling code and three digits behind it, on
    one node; None leaves them unlimited (EDGE S6)."""
    rejected_records_per_second: int = 50
    """Records of refused calls per connector and second; a flood is no S3 bill (EDGE C8)."""
    overload_lag_ms: int = 100
    """EDGE R30: a loop so late, or one of the next two, and new calls are refused."""
    overload_cpu_percent: int = 85
    """Of the one CPU that signalling can use."""
    overload_ports_percent: int = 5
    """Of the media ports of this node."""
    drop_lag_ms: int = 500
    """Refusing is too much as well, from here or the next one on: INVITEs are dropped unread."""
    drop_cpu_percent: int = 98

    def __post_init__(self) -> None:
        """Refuse values that would fail, or open the door, only when a call comes."""
        if self.challenge_status not in (401, 407):
            raise SettingsError(
                f"challenge_status is {self.challenge_status}; 401 or 407 is wanted"
            )
        known = {kind.value for kind in NumberKind}
        unknown = sorted(set(self.refused_kinds) - known)
        if unknown:
            choices = ", ".join(sorted(known))
            raise SettingsError(f"refused_kinds holds {unknown[0]!r}; one of {choices} is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """Lengths and waits of a call (EDGE 1)."""

    no_answer_s: float = 180.0
    timer_c_s: float = 185.0
    """Above the three minutes that RFC 3261 §16.6 demands."""
    repeat_ringing_s: float = 60.0
    max_call_s: float = 14_400.0
    session_expires_s: float = 0.0
    """Session interval that our INVITEs ask for (RFC 4028, EDGE ST2); 0 asks for none, because the
    media timeout finds dead calls sooner."""
    loop_window_s: float = 10.0
    """EDGE L2: how long a call that we sent to a host counts against one coming back from it."""
    loop_turns: int = 6

    def __post_init__(self) -> None:
        """Refuse a session interval that RFC 4028 §5 forbids."""
        interval = self.session_expires_s
        _check("session_expires_s", interval, interval == 0 or interval >= 90, "0, or 90 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """Which headers of an INVITE cross between a PBX and a carrier (EDGE 1.11)."""

    diversion_out: bool = True
    """Toward a carrier a Diversion may show a number that is no caller id of the customer's."""
    history_info_in: bool = True
    user_to_user_out: bool = False
    custom_out: bool = False
    """X- headers of a PBX, toward carriers."""
    custom_in: bool = False
    """X- headers of a carrier, toward PBXs; those that are ours to set never pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSettings:
    """Targets, failover and blacklist (EDGE 5)."""

    inbound_uri_host: InboundUriHost = InboundUriHost.CONNECTOR
    first_response_s: float = 4.0
    progress_after_trying_s: float = 8.0
    attempts: int = 10
    budget_s: float = 24.0
    blacklist_s: float = 30.0
    blacklist_longest_s: float = 300.0
    probe_s: float = 30.0
    """How often a failed target is asked with OPTIONS whether it is back; 0 asks none (F10)."""
    probe_routes: bool = False
    """Whether routes that work are asked as often, so that calls find them out already (F10)."""
    udp_large: UdpLarge = UdpLarge.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS towards peers that we connect to (EDGE W9)."""

    verify: TlsVerify = TlsVerify.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """Ports and patience of the media plane (EDGE 3)."""

    first_port: int = 10_000
    last_port: int = 59_999
    port_rest_s: float = 5.0
    timeout_s: float = 60.0
    hold_timeout_s: float = 1_800.0
    relatch_after_s: float = 2.0
    packets_per_second: int = 120
    """Per leg and direction; G.711 at 10 ms is 100 (EDGE Q6)."""
    private_media: tuple[str, ...] = ()
    """Ids of connectors whose media may be at private addresses (EDGE S11)."""

    def __post_init__(self) -> None:
        """Refuse a range that holds no port."""
        first, last = self.first_port, self.last_port
        _check("first_port", first, 1 <= first <= 65_535, "a number from 1 to 65535")
        _check("last_port", last, first <= last <= 65_535, f"a number from {first} to 65535")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole document."""

    account_id: str = "000000000000"
    region: str = "us-east-1"
    domain: str = "voiceconnector.localhost"
    """Suffix of connector hosts (API VC3)."""
    lab_mode: bool = False
    """Admits loopback and private addresses everywhere; refused on ECS (EDGE S11)."""
    api: ApiSettings = field(default_factory=ApiSettings)
    carriers: tuple[Carrier, ...] = ()
    meetings: tuple[MeetingBridge, ...] = ()
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    call: CallSettings = field(default_factory=CallSettings)
    headers: HeaderSettings = field(default_factory=HeaderSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    srtp: SrtpSettings = field(default_factory=SrtpSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    records: RecordSettings = field(default_factory=RecordSettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)

    def __post_init__(self) -> None:
        """Refuse two carriers of one name, and two bridges for one number."""
        names = [carrier.name for carrier in self.carriers]
        for name in names:
            _check("carriers", name, names.count(name) == 1, "another name for each carrier")
        dialed = [number for bridge in self.meetings for number in bridge.numbers]
        for number in dialed:
            _check("meetings", number, dialed.count(number) == 1, "one bridge for each number")

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """Read a document; raises SettingsError that names the member at fault."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"the settings are not JSON: {error}") from error
        settings = read_value(cls, document, "settings")
        assert isinstance(settings, cls)
        return settings

    def to_json(self) -> str:
        """Write the whole document, defaults included."""
        return json.dumps(written_value(self), indent=2)


def _is_origin(text: str) -> bool:
    return _ORIGIN.fullmatch(text) is not None
