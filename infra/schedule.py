"""Functions that look every minute whether there is something to do."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct


def every_minute(scope: Construct, description: str, target: events.IRuleTarget) -> None:
    """Let a target be called each minute; `description` is shown with the rule."""
    events.Rule(
        scope,
        "EveryMinute",
        description=description,
        schedule=events.Schedule.rate(Duration.minutes(1)),
        targets=[target],
    )
