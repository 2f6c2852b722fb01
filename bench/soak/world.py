"""What the edge is told: a connector and a carrier for each kind of call."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bench.soak.kinds import CREDENTIALS, KINDS, Kind, number_of
from edge.flow import Address
from model.connector import Connector, Credential, Origination, Route, Termination, connector_host
from model.numbers import InventoryNumber
from model.settings import (
    AdmissionSettings,
    CallSettings,
    Carrier,
    DigestAlgorithms,
    RoutingSettings,
    Settings,
)
from tests.e2e.sipp import free_address, free_host

NO_ANSWER_S = 2.0
NO_LIMIT = 100_000
_NOWHERE = "+1999"
"""Prefix of numbers that nobody dials, for a carrier that only brings calls."""
_MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the two ends of a kind are."""

    kind: Kind
    caller: Address
    callee: Address
    broken: Address
    """A carrier that fails, for the kind that wants one."""

    @classmethod
    def of(cls, kind: Kind) -> "Place":
        """Choose free addresses, each end with a host of its own."""
        return cls(kind, *(free_address(free_host()) for _ in range(3)))


def places() -> list[Place]:
    """Return where every kind of call is made."""
    return [Place.of(kind) for kind in KINDS]


def settings_for(chosen: list[Place]) -> Settings:
    """Return an operator's settings: SIPp knows MD5 only, and nobody waits for long."""
    return Settings(
        lab_mode=True,
        carriers=tuple(carrier for place in chosen for carrier in _carriers(place)),
        admission=AdmissionSettings(
            digest_algorithms=DigestAlgorithms.MD5,
            concurrent_calls=NO_LIMIT,
            rejected_records_per_second=NO_LIMIT,
        ),
        call=CallSettings(no_answer_s=NO_ANSWER_S),
        routing=RoutingSettings(blacklist_s=0.001, blacklist_longest_s=0.001),
    )


def connectors(chosen: list[Place], settings: Settings) -> list[Connector]:
    """Return the connector of every kind."""
    return [_connector(place, settings) for place in chosen]


def numbers(chosen: list[Place]) -> list[InventoryNumber]:
    """Return the numbers that are called from outside."""
    return [
        InventoryNumber(
            e164=number_of(place.kind),
            number_type="Local",
            product_type="VoiceConnector",
            country="US",
            created_at=_MADE_AT,
            updated_at=_MADE_AT,
            connector_id=connector_id(place.kind),
        )
        for place in chosen
        if place.kind.inbound
    ]


def connector_id(kind: Kind) -> str:
    """Return the id of a kind's connector."""
    return f"soak{KINDS.index(kind):018d}"


def host_of(kind: Kind, settings: Settings) -> str:
    """Return what a PBX puts behind the @."""
    return connector_host(connector_id(kind), settings.domain)


def _carriers(place: Place) -> list[Carrier]:
    kind, number = place.kind, number_of(place.kind)
    if kind.inbound:
        return [_carrier(kind.name, place.caller, _NOWHERE, priority=1)]
    if kind.callee is None:
        return []
    broken = [_carrier(f"{kind.name}-broken", place.broken, number, priority=1)]
    return [
        *(broken if kind.fails_first else []),
        _carrier(kind.name, place.callee, number, priority=2),
    ]


def _carrier(name: str, at: Address, prefix: str, *, priority: int) -> Carrier:
    return Carrier(
        name=name,
        host=at[0],
        port=at[1],
        sources=(at[0],),
        prefixes=(prefix,),
        priority=priority,
        invites_per_second=NO_LIMIT,
    )


def _connector(place: Place, settings: Settings) -> Connector:
    kind = place.kind
    realm = host_of(kind, settings)
    credentials = (Credential.from_password(*CREDENTIALS, realm=realm),) if kind.user else ()
    route = Route(host=place.callee[0], port=place.callee[1])
    return Connector(
        connector_id=connector_id(kind),
        name=kind.name,
        region="us-east-1",
        require_encryption=False,
        created_at=_MADE_AT,
        updated_at=_MADE_AT,
        origination=Origination(routes=(route,)) if kind.inbound else None,
        termination=Termination(
            calling_regions=("US",),
            cidr_allowed_list=(f"{place.caller[0]}/32",),
            cps_limit=NO_LIMIT,
        ),
        credentials=credentials,
    )
