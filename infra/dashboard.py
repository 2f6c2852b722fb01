"""The dashboard: calls, failures, quality, records, capacity, what is paid for.

Each graph answers one question, which is its title. Everything in it is there anyway: the dashboard
makes no metric of its own.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import summed
from infra.settings import DeploymentSettings
from infra.watched import of_answers, of_edge, of_function, of_log, of_service, of_table
from model.metrics import NAMESPACE, SERVING_CALLS
from model.tables import TABLES

WHOLE_WIDTH = 24
HEIGHT = 6
ABREAST = 4
MEDIA_GB_PER_MINUTE = 2 * 50 * 60 * 218 / 2**30
"""Of talk: what the edge sends to both ends, 50 packets a second of 218 octets (G.711, 20 ms)."""

_DIRECTIONS = ("Inbound", "Outbound")
_ENDS = ("Customer", "Remote")

Row = Sequence[cloudwatch.IWidget]


class _Graph:
    """A graph whose width its row decides."""

    def __init__(
        self,
        title: str,
        left: Sequence[cloudwatch.IMetric],
        *,
        right: Sequence[cloudwatch.IMetric] = (),
        percent: bool = False,
        marks: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._title = title
        self._left = left
        self._right = right
        self._marks = [
            cloudwatch.HorizontalAnnotation(value=value, label=label)
            for label, value in marks.items()
        ]
        self._axis = cloudwatch.YAxisProps(
            min=0, max=100 if percent else None, show_units=False, label="%" if percent else None
        )

    def widget(self, width: int) -> cloudwatch.GraphWidget:
        """Return what CloudWatch draws."""
        return cloudwatch.GraphWidget(
            title=self._title,
            left=list(self._left),
            right=list(self._right),
            left_y_axis=self._axis,
            left_annotations=self._marks or None,
            width=width,
            height=HEIGHT,
        )


class Dashboard(Construct):
    """One dashboard of a deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        functions: Mapping[str, str],
        balancer: str | None,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._functions = functions
        self._balancer = balancer
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=settings.prefix,
            default_interval=Duration.hours(12),
            widgets=[
                self._head(alarms),
                self._calls(),
                self._failures(),
                self._quality(),
                self._records(),
                self._capacity(),
                self._api(),
                self._cost(),
            ],
        )

    def _head(self, alarms: Sequence[cloudwatch.IAlarm]) -> Row:
        page = self._settings.runbooks
        return [
            cloudwatch.AlarmStatusWidget(
                title=f"Alarms of {self._settings.prefix}; what to do is in {page}",
                alarms=list(alarms),
                width=WHOLE_WIDTH,
                height=5,
            )
        ]

    def _calls(self) -> Row:
        return _row(
            _Graph("Which calls are made?", self._sums("{}CallAttempts")),
            _Graph("How many are up?", self._sums("{}CallsActive")),
            _Graph(
                "What share is answered?",
                [self._answered(direction) for direction in ("Inbound", "Outbound")],
                percent=True,
            ),
        )

    def _failures(self) -> Row:
        figures = ("Throttles", "OverloadRefusals", "AuthFailures")
        codes = [f"Sip{digit}xxCodes" for digit in (4, 5, 6)]
        return _row(
            _Graph(
                "Which calls fail?",
                [*self._sums("{}CallFailures"), *(self._sum(it) for it in figures)],
            ),
            _Graph("What do customers hear and say?", [self._sum(it) for it in codes]),
            _Graph("Which carriers and hosts fail?", [self._found("Host", "RouteFailures")]),
            _Graph("Who knocks?", [self._sum("UnknownSourcePackets")]),
        )

    def _quality(self) -> Row:
        """Only connectors that are logged have figures of quality (EDGE X2)."""
        return _row(
            _Graph(
                "How good does it sound? (logged connectors)",
                [_of_connectors(f"MOSBetweenVcAnd{it}", "Average") for it in _ENDS],
            ),
            _Graph(
                "What gets lost? (logged connectors)",
                [_of_connectors(f"{it}ToVcPacketsLost", "Maximum") for it in _ENDS],
            ),
            _Graph(
                "How uneven does it come? us (logged connectors)",
                [_of_connectors(f"{it}ToVcJitter", "Maximum") for it in _ENDS],
            ),
            _Graph(
                "Which packets go nowhere?",
                [self._found("Reason", "PacketsDropped"), self._sum("SrtpAuthFailures")],
            ),
        )

    def _records(self) -> Row:
        after = ("CallsEdgeLost", "RecordsRecovered", "CallRowsNotClosed")
        return _row(
            _Graph("Which records wait?", [of_edge(self._settings, "CdrBacklog", "Maximum")]),
            _Graph("Which are not written?", [self._sum("CdrSuppressed")]),
            _Graph("What do lost nodes leave?", [self._sum(it) for it in after]),
        )

    def _capacity(self) -> Row:
        settings = self._settings
        nodes = {"least": settings.nodes}
        calls = {"most": settings.operator.admission.concurrent_calls}
        if settings.is_scaled:
            nodes["most"] = settings.max_nodes
            calls["scaling aims at"] = settings.calls_aimed_at
        return _row(
            _Graph(
                "How many nodes live?",
                [
                    of_edge(settings, "ActiveCalls", "SampleCount", label="nodes"),
                    of_edge(settings, SERVING_CALLS, "SampleCount", label="take calls"),
                    of_edge(settings, "NodesListed", "Maximum", label="in DNS"),
                ],
                marks=nodes,
            ),
            _Graph(
                "How many calls has a node?",
                [
                    of_edge(settings, SERVING_CALLS, "Average", label="average, takes calls"),
                    of_edge(settings, "ActiveCalls", "Maximum", label="busiest"),
                ],
                marks=calls,
            ),
            _Graph("How many ports has it?", [of_edge(settings, "PortsFree", "Minimum")]),
            _Graph("How late is it? ms", [of_edge(settings, "LoopLag", "Maximum")]),
            _Graph(
                "How busy is it?",
                [
                    of_service(settings, name, statistic)
                    for name in ("CPUUtilization", "MemoryUtilization")
                    for statistic in ("Average", "Maximum")
                ],
                percent=True,
            ),
            _Graph(
                "How long does TLS serve? days", [of_edge(settings, "CertificateDays", "Minimum")]
            ),
        )

    def _api(self) -> Row:
        api = self._functions["management"]
        ages = {it: self._functions[it] for it in ("config_feed", "number_orders")}
        return _row(
            _Graph("Who asks the API?", [of_function(api, "Invocations", "Sum")]),
            _Graph(
                "What does it fail at?",
                [
                    *(of_answers(api, self._balancer, it) for it in (4, 5)),
                    of_function(api, "Throttles", "Sum"),
                ],
            ),
            _Graph(
                "How long does it take? ms",
                [of_function(api, "Duration", it) for it in ("p50", "p99")],
            ),
            _Graph(
                "Which functions fail?",
                [
                    of_function(function, "Errors", "Sum", label=name)
                    for name, function in self._functions.items()
                ],
            ),
            _Graph(
                "How old are changes? ms",
                [
                    of_function(function, "IteratorAge", "Maximum", label=name)
                    for name, function in ages.items()
                ],
            ),
        )

    def _cost(self) -> Row:
        """What a bill is made of, hour by hour; `ovc cost compare` has the prices."""
        settings = self._settings
        talk = of_edge(settings, "ActiveCalls", "Sum", minutes=60, label="minutes of calls")
        sent = cloudwatch.MathExpression(
            expression=f"talk*{MEDIA_GB_PER_MINUTE:.6f}",
            using_metrics={"talk": talk},
            label="GB sent, in G.711 of 20 ms",
            period=Duration.hours(1),
        )
        nodes = of_edge(settings, "ActiveCalls", "SampleCount", minutes=60)
        hours = cloudwatch.MathExpression(
            expression="told/60",
            using_metrics={"told": nodes},
            label="hours of nodes",
            period=Duration.hours(1),
        )
        units = [
            summed([of_table(settings, it, f"Consumed{way}CapacityUnits") for it in TABLES], way)
            for way in ("Write", "Read")
        ]
        return _row(
            _Graph("What is paid for? Nodes, each hour", [hours]),
            _Graph("Calls, each hour", [talk], right=[sent]),
            _Graph("Units of DynamoDB, each minute", units),
            _Graph("Octets of the edge's log, each hour", [of_log(settings)]),
        )

    def _sum(self, name: str) -> cloudwatch.Metric:
        return of_edge(self._settings, name, "Sum")

    def _sums(self, name: str) -> list[cloudwatch.IMetric]:
        """Return a figure of both directions."""
        return [self._sum(name.format(direction)) for direction in _DIRECTIONS]

    def _answered(self, direction: str) -> cloudwatch.MathExpression:
        # Ids are unique within a graph.
        answered, attempts = f"answered{direction}", f"attempts{direction}"
        names = {answered: "CallsAnswered", attempts: "CallAttempts"}
        return cloudwatch.MathExpression(
            expression=f"100*{answered}/{attempts}",
            using_metrics={
                used: of_edge(self._settings, f"{direction}{name}", "Sum", minutes=5)
                for used, name in names.items()
            },
            label=direction,
            period=Duration.minutes(5),
        )

    def _found(self, dimension: str, name: str) -> cloudwatch.MathExpression:
        """Return a figure of the deployment by a dimension, whose values nobody knows ahead."""
        prefix = self._settings.prefix
        return _search(
            f'{{{NAMESPACE},Deployment,Region,{dimension}}} MetricName="{name}" '
            f'Deployment="{prefix}"',
            "Sum",
        )


def _of_connectors(name: str, statistic: str) -> cloudwatch.MathExpression:
    """Return a figure of every connector that has one: of all deployments in the region."""
    return _search(f'{{{NAMESPACE},VoiceConnectorId,Region}} MetricName="{name}"', statistic)


def _search(wanted: str, statistic: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{wanted}', '{statistic}')",
        using_metrics={},
        label="",
        period=Duration.minutes(1),
    )


def _row(*graphs: "_Graph") -> Row:
    """Return graphs of one width; four fill the page from edge to edge."""
    width = WHOLE_WIDTH // min(len(graphs), ABREAST)
    return [graph.widget(width) for graph in graphs]
