"""Names that whoever writes metrics and lines and whoever watches them must agree on (EDGE X7)."""

NAMESPACE = "OpenVoiceConnector"
"""Amazon's own, AWS/ChimeVoiceConnector, is not for others to write to."""

SERVING_CALLS = "ServingCalls"
"""Calls of a node that takes new ones; its average is what the number of nodes follows."""

BUCKET_DENIED = "bucket-denied"
"""Event of the edge's log: it has no right to put records into a bucket (EDGE C10)."""


def deployment_dimensions(prefix: str, region: str) -> dict[str, str]:
    """Return the dimensions of what concerns a whole deployment: an account may have several."""
    return {"Deployment": prefix, "Region": region}


def connector_dimensions(connector_id: str, region: str) -> dict[str, str]:
    """Return the dimensions of one connector's metrics, Amazon's own two."""
    return {"VoiceConnectorId": connector_id, "Region": region}
