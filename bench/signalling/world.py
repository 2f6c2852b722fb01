"""What the edge is told for the benchmark: connectors, numbers, a carrier, the settings."""

from datetime import UTC, datetime

from edge.config import Snapshot
from edge.flow import Address
from model.connector import Connector, Origination, Route, Termination, connector_host
from model.numbers import InventoryNumber
from model.settings import Carrier, Settings

CONNECTORS = 100
NUMBERS_EACH = 20
CPS_LIMIT = 100_000
"""Far above the load: the limit is checked for every call and never reached."""
BUCKET = "bench-cdr"

_MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)


def connector_id(number: int) -> str:
    """Return the id of a connector; all have 22 characters like real ones."""
    return f"bench{number:017d}"


def host_of(number: int, settings: Settings) -> str:
    """Return what a PBX of a connector puts behind the @."""
    return connector_host(connector_id(number), settings.domain)


def caller_of(connector: int, number: int) -> str:
    """Return one of a connector's numbers: valid, in Seattle."""
    return f"+1206{5_550_000 + connector * NUMBERS_EACH + number:07d}"


def settings_for(carrier: Address, *, lab_mode: bool) -> Settings:
    """Return the defaults with one carrier; `lab_mode` admits loopback as media address.

    The carrier's own INVITE limit is no subject here, the calls go towards it.
    """
    host, port = carrier
    return Settings(
        lab_mode=lab_mode,
        carriers=(Carrier(name="bench", host=host, port=port, sources=(f"{host}:{port}",)),),
    )


def connectors(pbx: str) -> list[Connector]:
    """Return all connectors: /32 allow list, no credentials, one route."""
    return [
        Connector(
            connector_id=connector_id(number),
            name=f"bench {number}",
            region="us-east-1",
            require_encryption=False,
            created_at=_MADE_AT,
            updated_at=_MADE_AT,
            origination=Origination(routes=(Route(host=pbx),)),
            termination=Termination(
                calling_regions=("US",),
                cidr_allowed_list=(f"{pbx}/32",),
                cps_limit=CPS_LIMIT,
            ),
        )
        for number in range(CONNECTORS)
    ]


def numbers() -> list[InventoryNumber]:
    """Return the numbers of all connectors."""
    return [
        InventoryNumber(
            e164=caller_of(connector, number),
            number_type="Local",
            product_type="VoiceConnector",
            country="US",
            created_at=_MADE_AT,
            updated_at=_MADE_AT,
            connector_id=connector_id(connector),
        )
        for connector in range(CONNECTORS)
        for number in range(NUMBERS_EACH)
    ]


def snapshot(settings: Settings, pbx: str) -> Snapshot:
    """Return the configuration as the edge holds it."""
    return Snapshot.build(settings, connectors(pbx), numbers(), BUCKET)
