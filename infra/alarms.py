"""Alarms of a deployment: what each has in common, and who is told.

Every alarm has its heading in docs/operations.md, which its description leads to. Data that is
missing is good news to most: a line that nobody wrote, a function that nobody called. It is bad
news where silence itself is what the alarm is about, and there the alarm says so.
"""

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.customer_key import alarms_only, customer_key
from infra.findings import accept
from infra.settings import DeploymentSettings

_COMPARED = cloudwatch.ComparisonOperator
_MISSING = cloudwatch.TreatMissingData


class Alarms(Construct):
    """The alarms, one after the other."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._topic = self._told()
        self.made: list[cloudwatch.IAlarm] = []

    def above(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        what: str,
        *,
        periods: int = 1,
        of: int | None = None,
    ) -> None:
        """Add an alarm that goes off above a threshold, in `periods` of the last `of` periods, by
        default in that many in a row; without data all is well."""
        compared, missing = _COMPARED.GREATER_THAN_THRESHOLD, _MISSING.NOT_BREACHING
        self._add(name, metric, threshold, what, (periods, of or periods), compared, missing)

    def below(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        what: str,
        *,
        periods: int = 1,
        silence_is_bad: bool = False,
    ) -> None:
        """Add an alarm that goes off below a threshold, in `periods` periods in a row."""
        missing = _MISSING.BREACHING if silence_is_bad else _MISSING.NOT_BREACHING
        compared = _COMPARED.LESS_THAN_THRESHOLD
        self._add(name, metric, threshold, what, (periods, periods), compared, missing)

    def _add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        what: str,
        periods: tuple[int, int],
        compared: cloudwatch.ComparisonOperator,
        missing: cloudwatch.TreatMissingData,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._settings.prefix}-{name}",
            alarm_description=f"{what}. What to do: {self._settings.runbooks}#{name}",
            metric=metric,
            threshold=threshold,
            comparison_operator=compared,
            datapoints_to_alarm=periods[0],
            evaluation_periods=periods[1],
            treat_missing_data=missing,
        )
        if self._topic is not None:
            action = actions.SnsAction(self._topic)
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)
        self.made.append(alarm)

    def _told(self) -> sns.ITopic | None:
        """Return the topic that alarms are told to, if anybody is to be told."""
        settings = self._settings
        if settings.alarm_topic:
            return sns.Topic.from_topic_arn(self, "Topic", settings.alarm_topic)
        if not settings.alarm_email:
            return None
        key = customer_key(self, settings)
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"{settings.prefix}-alarms",
            enforce_ssl=True,
            master_key=key,
        )
        topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        # The policy that demands TLS replaces the one which lets the whole account publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=alarms_only(Stack.of(self), settings),
            )
        )
        if key is None:
            accept(
                topic,
                {
                    "AwsSolutions-SNS2": "Names of alarms and their thresholds leave by mail "
                    "anyway; CloudWatch could not publish with the key that AWS manages."
                },
            )
        return topic


def summed(metrics: Iterable[cloudwatch.Metric], label: str) -> cloudwatch.MathExpression:
    """Return the sum of metrics, those without data counted as nothing; `label` is
    one word."""
    used: dict[str, cloudwatch.IMetric] = {
        f"{label.lower()}{number}": it for number, it in enumerate(metrics)
    }
    terms = "+".join(f"FILL({name},0)" for name in used)
    period = next(iter(used.values()))
    assert isinstance(period, cloudwatch.Metric)
    return cloudwatch.MathExpression(
        expression=terms, using_metrics=used, label=label, period=period.period
    )
