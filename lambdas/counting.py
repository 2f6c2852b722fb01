"""Metrics of Lambdas: lines of their logs, of which CloudWatch makes metrics (A3)."""

from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "OpenVoiceConnector"
"""The edge's metrics are there, too."""


def count(name: str, number: int) -> None:
    """Say that something happened so often, or that there is so much of it."""
    with single_metric(name=name, unit=MetricUnit.Count, value=number, namespace=NAMESPACE):
        pass
