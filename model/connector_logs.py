"""The logs that a connector writes when its logging configuration says so (API LG1, LG2)."""

from dataclasses import dataclass
from enum import Enum


class ConnectorLog(Enum):
    """One of them, by the beginning of its CloudWatch log group's name."""

    MEDIA_METRICS = "/aws/ChimeVoiceConnectorLogs"
    """Quality of each call, every minute (EDGE X4)."""
    SIP_MESSAGES = "/aws/ChimeVoiceConnectorSipMessages"
    """What its PBXs send and are sent, without secrets (EDGE X3)."""

    def group(self, connector_id: str) -> str:
        """Return the name of a connector's log group."""
        return f"{self.value}/{connector_id}"


class LogTarget(Enum):
    """Where the logs of connectors go."""

    CLOUDWATCH = "cloudwatch"
    """Into log groups with Amazon's names; figures become metrics as well (EDGE X2)."""
    STDOUT = "stdout"
    """Onto the standard output of the edge, like everything else that it tells."""
    NONE = "none"


class ConnectorMetrics(Enum):
    """Which connectors have metrics of their own: some 43 of them, each billed every month."""

    LOGGED = "logged"
    """Those whose media metrics are logged, as long as these go to CloudWatch (EDGE X1, X2)."""
    ALL = "all"
    """Every connector has those of its calls (EDGE X1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The logs and metrics of connectors, a section of the settings."""

    target: LogTarget = LogTarget.CLOUDWATCH
    connector_metrics: ConnectorMetrics = ConnectorMetrics.LOGGED
    """Metrics of the whole deployment there are always (EDGE X7)."""
