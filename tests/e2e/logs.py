"""What CloudWatch has of the logs of connectors (EDGE X3, X4)."""

import json
from typing import Any

import boto3

from tests.e2e.lab import Lab


def logged(lab: Lab, group: str) -> list[dict[str, Any]]:
    """Return the records of a log group, oldest first; none where there is no such group."""
    offered = lab.stand.offered()
    logs = boto3.client(
        "logs",
        endpoint_url=offered["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"],
        aws_access_key_id=offered["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=offered["AWS_SECRET_ACCESS_KEY"],
        region_name=offered["AWS_DEFAULT_REGION"],
    )
    try:
        found = logs.filter_log_events(logGroupName=group)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in found]
