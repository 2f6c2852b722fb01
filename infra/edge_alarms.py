"""Alarms about nodes, calls and records: from the figures that nodes tell each minute, and from
lines of their log where a moment is all there is."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.alarms import Alarms
from infra.settings import DeploymentSettings
from infra.watched import of_edge
from model.metrics import BUCKET_DENIED, NAMESPACE, SERVING_CALLS
from model.tables import edge_log_group_name

NODE_GONE_MINUTES = 5
"""A node tells its figures each minute; a new one first when it has taken calls for a minute."""
MOST_WAITING = 100
"""Records of one node; in ordinary times it is those of the last second."""
WAITING_MINUTES = 5
LATE_MINUTES = 5
FEWEST_PORTS = 64
"""Of a node. Each media worker binds 256 ahead, as long as its range has any."""
FULL_MINUTES = 15
FULL_PERCENT = 67
"""Of the calls that a node takes, on an average of all: above two thirds single nodes are full all
the time, because load is uneven (docs/scale.md)."""
SCALED_FULL_PERCENT = 110
"""Of the calls that scaling aims at: it begins at more than 100, three minutes later, and new nodes
have taken their part four minutes after that."""
CERTIFICATE_DAYS = 14
FEWEST_ATTEMPTS = 20
MOST_FAILING_PERCENT = 70
"""Of calls: nobody is there to take many of those that fail, which is nobody's fault."""

LINES: dict[str, tuple[tuple[str, ...], str]] = {
    "records-denied": (
        (BUCKET_DENIED,),
        "The edge may not put call detail records into their bucket, and keeps them",
    ),
    "records-lost": (
        ("row-lost", "row-unreadable", "record-given-up"),
        "A call has lost its record, or the quality that was measured of it",
    ),
    "database-refuses": (
        ("table-refuses", "database-away"),
        "Nodes cannot read or write DynamoDB; calls go on with what nodes know",
    ),
    "journal-refuses": (
        ("journal-refuses", "journal-full", "call-not-journalled"),
        "A node's disk does not take the rows of calls that DynamoDB does not take either",
    ),
    "journal-aside": (
        ("journal-damaged", "journal-unreadable"),
        "A node has found a journal on its disk that it could not read whole, and keeps it",
    ),
    "media-worker-lost": (
        ("media-worker-lost",),
        "A media process of a node has died, and its calls with it; it is started again",
    ),
    "aws-worker-lost": (
        ("aws-worker-lost",),
        "The process of a node that talks to AWS has died; it is started again",
    ),
    "secret-unusable": (
        ("secret-unreadable", "certificate-refused", "certificate-misses-hosts"),
        "A node cannot read a secret, or not use the certificate in it; what it has, it keeps",
    ),
    "fault": (("fault",), "An edge has met a fault of its own code; the line has the place"),
    "protection-refused": (
        ("protection-refused",),
        "ECS does not protect a task: a deployment or a scale-in may end its calls after 110 s",
    ),
    "start-refused": (
        ("settings-refused", "journal-refused", "port-refused", "configuration-missing"),
        "A node does not start, or takes no calls",
    ),
}
"""Name of an alarm -> the events of the edge's log that it is about, and what they mean."""


class EdgeAlarms(Construct):
    """What is looked at, added to the alarms."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, alarms: Alarms
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._watch_nodes(alarms)
        if settings.hosted_zone_id:
            self._watch_names(alarms)
        self._watch_calls(alarms)
        self._watch_lines(alarms)

    def _watch_nodes(self, alarms: Alarms) -> None:
        settings = self._settings
        if settings.nodes:
            alarms.below(
                "no-node",
                of_edge(settings, "ActiveCalls", "SampleCount"),
                1,
                f"No edge node has told anything for {NODE_GONE_MINUTES} minutes: who takes calls?",
                periods=NODE_GONE_MINUTES,
                silence_is_bad=True,
            )
        if settings.nodes > 1:
            alarms.below(
                "nodes-missing",
                # Each node tells five times in five minutes, now and then four.
                of_edge(settings, "ActiveCalls", "SampleCount", minutes=5),
                5 * settings.nodes - 2.5,
                f"Fewer than {settings.nodes} edge nodes have shown themselves for 10 minutes",
                periods=2,
            )
        if settings.nodes:
            self._watch_capacity(alarms)
        alarms.above(
            "overload",
            of_edge(settings, "OverloadRefusals", "Sum"),
            0,
            "Calls were answered 503 because a node had too much to do",
        )
        lag_ms = settings.operator.admission.overload_lag_ms
        alarms.above(
            "loop-lag",
            of_edge(settings, "LoopLag", "Maximum"),
            lag_ms,
            f"In each of {LATE_MINUTES} minutes a node has been more than {lag_ms} ms late",
            periods=LATE_MINUTES,
        )
        alarms.below(
            "ports-low",
            of_edge(settings, "PortsFree", "Minimum"),
            FEWEST_PORTS,
            f"A node has fewer than {FEWEST_PORTS} free media ports: two for each new call",
            periods=3,
        )
        alarms.below(
            "certificate",
            of_edge(settings, "CertificateDays", "Minimum", minutes=5),
            CERTIFICATE_DAYS,
            f"A TLS certificate ends in less than {CERTIFICATE_DAYS} days, or has ended",
            periods=3,
        )
        alarms.below(
            "tls-closed",
            of_edge(settings, "TlsOpen", "Minimum"),
            1,
            "A node has no certificate that it could show: TLS is closed there; UDP and TCP serve",
            periods=3,
        )

    def _watch_capacity(self, alarms: Alarms) -> None:
        """Whether all nodes together have room, whatever keeps more of them from being there: the
        most that may be asked for, a quota of the account, or others that drain."""
        settings = self._settings
        full = FULL_PERCENT * settings.operator.admission.concurrent_calls // 100
        what = f"{FULL_PERCENT} % of those that it takes"
        if settings.is_scaled:
            full = SCALED_FULL_PERCENT * settings.calls_aimed_at // 100
            what = f"{SCALED_FULL_PERCENT} % of those that scaling aims at"
        alarms.above(
            "capacity-exhausted",
            of_edge(settings, SERVING_CALLS, "Average"),
            full,
            f"For {FULL_MINUTES} minutes an average node has had more than {full} calls, {what}",
            periods=FULL_MINUTES,
        )

    def _watch_names(self, alarms: Alarms) -> None:
        """Nodes that no name leads to (A11): a measure of edge_dns, where it keeps records."""
        alarms.above(
            "dns-full",
            of_edge(self._settings, "NodesWithoutRecord", "Maximum"),
            0,
            "More nodes take calls than one name has room for: those beyond are sent none",
            periods=5,
        )

    def _watch_calls(self, alarms: Alarms) -> None:
        alarms.above(
            "records-backlog",
            of_edge(self._settings, "CdrBacklog", "Maximum"),
            MOST_WAITING,
            f"More than {MOST_WAITING} records of one node have been waiting for "
            f"{WAITING_MINUTES} minutes: S3 is away, or their bucket refuses them",
            periods=WAITING_MINUTES,
        )
        for direction, whose in (("Outbound", "carriers"), ("Inbound", "the customers' PBXs")):
            alarms.above(
                f"{direction.lower()}-failing",
                self._failing(direction),
                MOST_FAILING_PERCENT,
                f"More than {MOST_FAILING_PERCENT} % of {FEWEST_ATTEMPTS} calls or more have "
                f"failed in each of two spans of 5 minutes: {whose} may be away",
                periods=2,
            )

    def _failing(self, direction: str) -> cloudwatch.MathExpression:
        """Return the percentage of failures, 0 where too few calls were made to say anything."""
        settings = self._settings
        return cloudwatch.MathExpression(
            expression=f"IF(attempts>={FEWEST_ATTEMPTS},100*failures/attempts,0)",
            using_metrics={
                "attempts": of_edge(settings, f"{direction}CallAttempts", "Sum", minutes=5),
                "failures": of_edge(settings, f"{direction}CallFailures", "Sum", minutes=5),
            },
            label=f"failing {direction.lower()} calls, %",
            period=Duration.minutes(5),
        )

    def _watch_lines(self, alarms: Alarms) -> None:
        group_name = edge_log_group_name(self._settings.prefix)
        group = logs.LogGroup.from_log_group_name(self, "EdgeLog", group_name)
        for name, (events, what) in LINES.items():
            metric_name = "".join(word.capitalize() for word in name.split("-"))
            patterns = [logs.FilterPattern.string_value("$.event", "=", it) for it in events]
            lines = logs.MetricFilter(
                self,
                metric_name,
                log_group=group,
                # A name of its own for each deployment: a filter knows no fixed dimensions.
                metric_namespace=f"{NAMESPACE}/{self._settings.prefix}",
                metric_name=metric_name,
                metric_value="1",
                filter_pattern=logs.FilterPattern.any(*patterns),
            )
            # Without a default value: an hour without such a line costs nothing.
            metric = lines.metric(statistic="Sum", period=Duration.minutes(1))
            alarms.above(name, metric, 0, what)
