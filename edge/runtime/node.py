"""Which address this node calls itself: what Via, Contact and SDP carry (EDGE W14, A11).

And as what it runs: whom to ask whether it still does (EDGE C9).
"""

import json
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.runtime.process import own_process

METADATA_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
METADATA_TIMEOUT_S = 2.0
ADDRESS_TRIES = 8
"""Looks for the address of a task. Its public one may be associated after the task has begun, and
at the start of many tasks at once EC2 throttles; with the waits they take about a minute."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
EC2_CLIENT = Config(connect_timeout=2.0, read_timeout=5.0, retries={"total_max_attempts": 4})


class Interface(NamedTuple):
    """A network interface as the task metadata name it."""

    address: str
    """Its private IPv4 address."""
    mac: str
    """Its MAC address: private addresses repeat in other VPCs of the region, this does not."""


class AddressUnknownError(Exception):
    """The node cannot tell its own address; the message says why and what to set."""


def own_address(
    configured: str | None,
    listen_host: str,
    environ: Mapping[str, str],
    public_address_of: Callable[[Interface], str | None],
    rest: Callable[[float], None] = time.sleep,
) -> str:
    """Return the address to advertise: the configured one, the ECS task's public one, or where
    the node listens; raises AddressUnknownError.

    `public_address_of` tells the public address of a network interface. It and the task's metadata
    are asked again while they do not tell, for a minute or so; `rest` waits for some seconds.
    """
    if configured is not None:
        return configured
    metadata = environ.get(METADATA_VARIABLE)
    if metadata is not None:
        return patiently(lambda: _public_address_of_task(metadata, public_address_of), rest)
    if ip_address(listen_host).is_unspecified:
        raise AddressUnknownError(
            f"the edge listens on {listen_host}, which is no address that peers could answer to: "
            "set OVC_PUBLIC_ADDRESS to the address of this host that SIP peers reach, "
            "or OVC_SIP_LISTEN to one address of this host"
        )
    return listen_host


def patiently(find: Callable[[], str], rest: Callable[[float], None]) -> str:
    """Return what is found at last, within a minute or so; raises AddressUnknownError of the last
    try. `rest` waits for some seconds."""
    waits = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
    for _ in range(ADDRESS_TRIES - 1):
        try:
            return find()
        except AddressUnknownError:
            rest(waits.next_s())
    return find()


def _public_address_of_task(
    metadata: str, public_address_of: Callable[[Interface], str | None]
) -> str:
    remedy = "set OVC_PUBLIC_ADDRESS"
    try:
        interface = task_interface(metadata)
        public = public_address_of(interface)
    except (OSError, BotoCoreError, ClientError, ValueError, LookupError, TypeError) as error:
        message = f"the ECS task cannot find its own address ({error!r}): {remedy}"
        raise AddressUnknownError(message) from error
    if public is None:
        raise AddressUnknownError(
            f"the network interface {interface.address} has no public address: run the task in a "
            f"public subnet with assignPublicIp ENABLED, or {remedy}"
        )
    return public


def task_interface(metadata: str) -> Interface:
    """Return the network interface of an ECS task from its metadata endpoint, version 4.

    Raises OSError when it does not answer; ValueError, LookupError or TypeError when the answer is
    useless.
    """
    network = _task(metadata)["Containers"][0]["Networks"][0]
    return Interface(str(ip_address(network["IPv4Addresses"][0])), str(network["MACAddress"]))


def own_task(environ: Mapping[str, str], log: Logger) -> str | None:
    """Return what a node's row names as its task: the ARN of the ECS task, or this process.

    None on ECS when the metadata endpoint does not tell: the node works, but should it die, its
    calls are closed later (docs/spec/EDGE.md, C9). The log says so.
    """
    metadata = environ.get(METADATA_VARIABLE)
    if metadata is None:
        return str(own_process())
    try:
        return str(_task(metadata)["TaskARN"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        log("task-unknown", {"error": repr(error), "metadata": metadata})
        return None


# The metadata are JSON of any shape.
def _task(metadata: str) -> Any:
    with urlopen(f"{metadata}/task", timeout=METADATA_TIMEOUT_S) as answer:
        return json.load(answer)


# botocore's clients are made at run time: what they take and return has no static type.
def ec2_client(region: str) -> Any:
    """Return a client of EC2 that does not wait for long."""
    return boto3.Session(region_name=region).client("ec2", config=EC2_CLIENT)


def public_address_of(interface: Interface, region: str) -> str | None:
    """Return the public address of an interface's primary address, None without one."""
    answer = ec2_client(region).describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": [interface.address]}]
    )
    for found in answer["NetworkInterfaces"]:
        public = found.get("Association", {}).get("PublicIp")
        if found["MacAddress"] == interface.mac and public is not None:
            return str(public)
    return None
