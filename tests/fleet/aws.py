"""The AWS of a fleet: moto for tables, bucket and zone, our own ECS, and the Lambdas over them.

A minute of the deployment passes in `MINUTE_S`: the Lambdas run so often, and what they count in
minutes is shorter by as much. Leases are as long as ever, and so is what SIP measures: ECS says at
once that a task has ended, as it does on AWS.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from emulator import aws as embedded
from lambdas.call_reaper import composition as call_reaper
from lambdas.call_reaper.ecs_tasks import EcsTasks
from lambdas.edge_dns import composition as edge_dns
from lambdas.edge_dns.ecs_service import EcsService
from lambdas.management.composition import Handler
from model.settings import Settings
from model.tables import DEFAULT_PREFIX
from tests.fleet.ecs import CLUSTER, SERVICE

MINUTE_S = 2.0
SPEED = 60.0 / MINUTE_S
CLIENT = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})


class Listed(NamedTuple):
    """One record of a node in Route 53."""

    host: str
    ttl_s: int


class Aws:
    """What the Lambdas talk to: moto for the tables, the bucket and the zone, and our ECS."""

    def __init__(self, url: str, ecs_url: str) -> None:
        self._session = boto3.Session(
            embedded.ACCESS_KEY_ID, embedded.SECRET_ACCESS_KEY, region_name="us-east-1"
        )
        self._url = url
        self.ecs = self.client("ecs", ecs_url)
        self.route53 = self.client("route53")
        self.domain = Settings().domain
        made = self.route53.create_hosted_zone(Name=self.domain, CallerReference="fleet")
        self.zone_id: str = made["HostedZone"]["Id"].rpartition("/")[2]

    # botocore's clients are made at run time: what they take and return has no static type.
    def client(self, service: str, url: str | None = None) -> Any:
        """Return a client of a service."""
        return self._session.client(service, endpoint_url=url or self._url, config=CLIENT)  # type: ignore[call-overload]  # of whatever name

    def edge_dns(self) -> Handler:
        """Return the Lambda that keeps the DNS."""
        log = logging.getLogger("edge_dns")
        return edge_dns.build(
            table_prefix=DEFAULT_PREFIX,
            dynamodb=self.client("dynamodb"),
            route53=self.route53,
            zone_id=self.zone_id,
            domain=self.domain,
            ask_ecs=EcsService(self.ecs, CLUSTER, SERVICE, log),
            log=log,
            count=_uncounted,
            minute=timedelta(seconds=MINUTE_S),
        )

    def call_reaper(self) -> Handler:
        """Return the Lambda that closes the calls of dead nodes, with a clock that runs faster."""
        began, log = datetime.now(UTC), logging.getLogger("call_reaper")
        return call_reaper.build(
            settings=Settings(),
            table_prefix=DEFAULT_PREFIX,
            dynamodb=self.client("dynamodb"),
            s3=self.client("s3"),
            tasks=EcsTasks(self.ecs, log),
            log=log,
            count=_uncounted,
            clock=lambda: began + SPEED * (datetime.now(UTC) - began),
        )

    def listed(self) -> Mapping[str, Listed]:
        """Return the records that Route 53 has of nodes, by node id."""
        found = self.route53.list_resource_record_sets(HostedZoneId=self.zone_id)
        return {
            it["SetIdentifier"]: Listed(it["ResourceRecords"][0]["Value"], it["TTL"])
            for it in found["ResourceRecordSets"]
            if "SetIdentifier" in it
        }


def _uncounted(name: str, number: int) -> None:
    """Count nothing."""
