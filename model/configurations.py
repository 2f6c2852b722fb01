"""What a connector has besides the paths of its calls (API LG1, SC1, EC1, ES1, TH1)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """Which logs a connector writes; both are off by default (API LG1)."""

    sip_messages: bool = False
    media_metrics: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInsights:
    """The analytics that a stream of media goes to; kept as the client wrote it."""

    disabled: bool | None = None
    configuration_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """Where a connector's media is streamed to, and how long it is kept (API SC1)."""

    data_retention_hours: int
    """0 keeps nothing."""
    disabled: bool
    notification_targets: tuple[str, ...] = ()
    """EventBridge, SNS, SQS; empty when the client named none."""
    media_insights: MediaInsights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyNumber:
    """One emergency number of the customer's own service (API EC1)."""

    emergency_number: str
    """E.164."""
    test_number: str | None
    """E.164; it is called to try the route without an emergency."""
    country: str
    """ISO 3166 alpha-2 code of the country that the calls come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyCalling:
    """The emergency numbers of a connector; while there are any, its calls must be possible."""

    numbers: tuple[EmergencyNumber, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSystems:
    """Which products a connector is used with (API ES1)."""

    session_border_controllers: tuple[str, ...] = ()
    contact_centers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminationHealth:
    """The last good OPTIONS ping of a connector's hosts (API TH1)."""

    at: datetime
    source: str
    """IP address that it came from."""
