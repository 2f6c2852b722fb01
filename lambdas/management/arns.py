"""The ARNs of this deployment's resources (API VC2, VG1, TG1)."""

import re
from typing import NamedTuple

from model.connector import Connector
from model.settings import CONNECTOR_REGIONS, Settings

_CONNECTOR = re.compile(r"arn:aws:chime:([a-z0-9-]+):([0-9]{12}):vc/([A-Za-z0-9._-]+)", re.ASCII)


class ConnectorName(NamedTuple):
    """What the ARN of a connector says."""

    region: str
    connector_id: str


def connector_arn(connector: Connector, settings: Settings) -> str:
    """Return a connector's ARN; its region is the connector's own."""
    account_id = settings.account_id
    return f"arn:aws:chime:{connector.region}:{account_id}:vc/{connector.connector_id}"


def group_arn(group_id: str, settings: Settings) -> str:
    """Return a group's ARN; its region is the deployment's, for a group may span many."""
    return f"arn:aws:chime:{settings.region}:{settings.account_id}:vcg/{group_id}"


def connector_name(arn: str, settings: Settings) -> ConnectorName | None:
    """Return what an ARN says; None unless it has the form of a connector's of this account."""
    parts = _CONNECTOR.fullmatch(arn)
    if parts is None or parts[2] != settings.account_id or parts[1] not in CONNECTOR_REGIONS:
        return None
    return ConnectorName(region=parts[1], connector_id=parts[3])
