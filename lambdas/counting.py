"""Metrics of Lambdas: lines of their logs, of which CloudWatch makes metrics (A3)."""

from collections.abc import Mapping
from typing import Protocol

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from model.metrics import NAMESPACE


class Figures(Protocol):
    """Takes what becomes metrics."""

    def __call__(self, name: str, number: int) -> None:
        """Say that something happened so often, or that there is so much."""
        ...


def counting(dimensions: Mapping[str, str]) -> Figures:
    """Return what writes such a line, with these dimensions."""

    def count(name: str, number: int) -> None:
        with single_metric(
            name=name, unit=MetricUnit.Count, value=number, namespace=NAMESPACE
        ) as metric:
            for dimension, value in dimensions.items():
                metric.add_dimension(name=dimension, value=value)

    return count
