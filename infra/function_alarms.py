"""Alarms about the API, the functions behind it, and the tables of all of them."""

from collections.abc import Mapping

from infra.alarms import Alarms, summed
from infra.settings import DeploymentSettings
from infra.watched import of_answers, of_function, of_table
from model.tables import TABLES

SCHEDULED = {"call_reaper": "reaper", "number_orders": "orders", "edge_dns": "dns"}
"""Functions that run each minute -> what their alarms are called."""
SILENT_MINUTES = 5
LONGEST_FEED_MS, LONGEST_ORDERS_MS = 60_000, 30_000
"""Age of a change in a table when its function takes it: seconds are usual. Those of orders are let
go when they are a minute old, for the schedule finds them."""


def watch_functions(alarms: Alarms, names: Mapping[str, str], balancer: str | None) -> None:
    """Add alarms about functions; `names` are those in the account, by the functions' own, and
    `balancer` is what metrics call the load balancer before the API, if there is one."""
    _watch_api(alarms, names["management"], balancer)
    for function, called in SCHEDULED.items():
        # One failed run is repeated within a minute.
        alarms.above(
            f"{called}-errors",
            of_function(names[function], "Errors", "Sum"),
            0,
            f"Three of the last five runs of {function} have failed",
            periods=3,
            of=5,
        )
        alarms.below(
            f"{called}-stopped",
            of_function(names[function], "Invocations", "Sum"),
            1,
            f"{function} has not run for {SILENT_MINUTES} minutes",
            periods=SILENT_MINUTES,
            silence_is_bad=True,
        )
    alarms.above(
        "orders-late",
        of_function(names["number_orders"], "IteratorAge", "Maximum"),
        LONGEST_ORDERS_MS,
        "Orders of numbers reach number_orders late by the stream; its schedule still finds them",
        periods=5,
    )
    alarms.above(
        "feed-errors",
        of_function(names["config_feed"], "Errors", "Sum"),
        0,
        "Three of the last five minutes had failed runs of config_feed: changes of configuration "
        "wait",
        periods=3,
        of=5,
    )
    alarms.above(
        "feed-late",
        of_function(names["config_feed"], "IteratorAge", "Maximum"),
        LONGEST_FEED_MS,
        "Changes of configuration are more than a minute old before nodes can see them",
        periods=3,
    )


def watch_tables(alarms: Alarms, settings: DeploymentSettings) -> None:
    """Add alarms about requests that DynamoDB has turned away for their number."""
    for way in ("Read", "Write"):
        alarms.above(
            f"throttled-{way.lower()}s",
            summed([of_table(settings, it, f"{way}ThrottleEvents") for it in TABLES], way),
            0,
            f"DynamoDB has turned {way.lower()}s away because there were too many, in three of "
            "five minutes",
            periods=3,
            of=5,
        )


def _watch_api(alarms: Alarms, function: str, balancer: str | None) -> None:
    alarms.above(
        "api-errors",
        summed(
            [
                of_function(function, "Errors", "Sum", minutes=5),
                of_answers(function, balancer, 5, minutes=5),
            ],
            "Failures",
        ),
        0,
        "The management API has answered with 500 or 503, or failed to answer",
    )
    alarms.above(
        "api-throttled",
        of_function(function, "Throttles", "Sum", minutes=5),
        0,
        "The management API has had more requests at once than ovc:api_concurrency lets in",
    )
