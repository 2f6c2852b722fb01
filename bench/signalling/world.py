"""What the edge is told for the benchmark: connectors, numbers, a carrier, the settings."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import NamedTuple

from edge.config import Snapshot
from edge.flow import Address
from model.connector import Connector, Origination, Route, Termination, connector_host
from model.numbers import InventoryNumber
from model.settings import AdmissionSettings, Carrier, Settings

CONNECTORS = 100
NUMBERS_EACH = 20
CPS_LIMIT = 100_000
"""Far above the load: the limit is checked for every call and never reached."""
BUCKET = "bench-cdr"

PROBED = "+1212555"
"""Beginning of numbers that go to the probe, where there is one."""
_MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)
_OTHERS = IPv4Address("10.0.0.0")
"""First of the addresses that only fill allow lists."""


class Shape(NamedTuple):
    """How large the configuration is."""

    connectors: int = CONNECTORS
    numbers_each: int = NUMBERS_EACH
    entries_each: int = 1
    """Of each allow list; the first is the PBX, the others are nobody."""


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
    return Settings(lab_mode=lab_mode, carriers=(_carrier("bench", carrier),))


def growth_settings(carrier: Address, probe: Address) -> Settings:
    """Return the same with a carrier for the probe's numbers and room for many calls."""
    return Settings(
        lab_mode=True,
        carriers=(
            _carrier("probe", probe, prefixes=(PROBED,)),
            _carrier("bench", carrier, priority=2),
        ),
        admission=AdmissionSettings(concurrent_calls=CPS_LIMIT),
    )


def _carrier(
    name: str, at: Address, *, prefixes: tuple[str, ...] = (), priority: int = 1
) -> Carrier:
    host, port = at
    sources = (f"{host}:{port}",)
    return Carrier(
        name=name, host=host, port=port, sources=sources, prefixes=prefixes, priority=priority
    )


def _allowed(pbx: str, connector: int, shape: Shape) -> Iterator[str]:
    yield f"{pbx}/32"
    first = connector * shape.entries_each
    for entry in range(1, shape.entries_each):
        yield f"{_OTHERS + first + entry}/32"


def connectors(pbx: str, shape: Shape = Shape()) -> list[Connector]:  # noqa: B008 - immutable
    """Return all connectors: allow list, no credentials, one route."""
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
                cidr_allowed_list=tuple(_allowed(pbx, number, shape)),
                cps_limit=CPS_LIMIT,
            ),
        )
        for number in range(shape.connectors)
    ]


def numbers(shape: Shape = Shape()) -> list[InventoryNumber]:  # noqa: B008 - immutable
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
        for connector in range(shape.connectors)
        for number in range(shape.numbers_each)
    ]


def snapshot(settings: Settings, pbx: str) -> Snapshot:
    """Return the configuration as the edge holds it."""
    return Snapshot.build(settings, connectors(pbx), numbers(), BUCKET)
