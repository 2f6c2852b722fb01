"""Names that whoever writes metrics and whoever looks at them must agree on (EDGE X1, X7)."""

NAMESPACE = "OpenVoiceConnector"
"""Amazon's own, AWS/ChimeVoiceConnector, is not for others to write to."""


def deployment_dimensions(prefix: str, region: str) -> dict[str, str]:
    """Return the dimensions of what concerns a whole deployment: an account may have several."""
    return {"Deployment": prefix, "Region": region}


def connector_dimensions(connector_id: str, region: str) -> dict[str, str]:
    """Return the dimensions of one connector's metrics, Amazon's own two."""
    return {"VoiceConnectorId": connector_id, "Region": region}
