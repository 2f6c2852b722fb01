"""Metrics of Lambdas: lines of their logs, of which CloudWatch makes metrics (A3)."""

from collections.abc import Callable, Mapping

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from model.metrics import NAMESPACE


def counting(dimensions: Mapping[str, str]) -> Callable[[str, int], None]:
    """Return a function that says that something happened so often, or that there is so much."""

    def count(name: str, number: int) -> None:
        with single_metric(
            name=name, unit=MetricUnit.Count, value=number, namespace=NAMESPACE
        ) as metric:
            for dimension, value in dimensions.items():
                metric.add_dimension(name=dimension, value=value)

    return count
