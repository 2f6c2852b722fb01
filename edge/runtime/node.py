"""Which address this node calls itself: what Via, Contact and SDP carry (EDGE W14, A11)."""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

METADATA_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
METADATA_TIMEOUT_S = 2.0
EC2_CLIENT = Config(connect_timeout=2.0, read_timeout=5.0, retries={"total_max_attempts": 4})


class AddressUnknownError(Exception):
    """The node cannot tell its own address; the message says why and what to set."""


def own_address(
    configured: str | None,
    listen_host: str,
    environ: Mapping[str, str],
    public_address_of: Callable[[str], str | None],
) -> str:
    """Return the address to advertise: the configured one, the ECS task's public one, or where
    the node listens; raises AddressUnknownError.

    `public_address_of` maps a private address of a network interface to its public one.
    """
    if configured is not None:
        return configured
    metadata = environ.get(METADATA_VARIABLE)
    if metadata is not None:
        return _public_address_of_task(metadata, public_address_of)
    if ip_address(listen_host).is_unspecified:
        raise AddressUnknownError(
            f"the edge listens on {listen_host}, which is no address that peers could answer to: "
            "set OVC_PUBLIC_ADDRESS to the address of this host that SIP peers reach, "
            "or OVC_SIP_LISTEN to one address of this host"
        )
    return listen_host


def _public_address_of_task(metadata: str, public_address_of: Callable[[str], str | None]) -> str:
    remedy = "set OVC_PUBLIC_ADDRESS"
    try:
        private = task_address(metadata)
        public = public_address_of(private)
    except (URLError, OSError, BotoCoreError, ClientError, ValueError, LookupError) as error:
        message = f"the ECS task cannot find its own address ({error!r}): {remedy}"
        raise AddressUnknownError(message) from error
    if public is None:
        raise AddressUnknownError(
            f"the network interface with {private} has no public address: run the task in a public "
            f"subnet with assignPublicIp ENABLED, or {remedy}"
        )
    return public


def task_address(metadata: str) -> str:
    """Return the private IPv4 address of an ECS task from its metadata endpoint, version 4.

    Raises URLError when it does not answer, ValueError or LookupError when the answer is useless.
    """
    with urlopen(f"{metadata}/task", timeout=METADATA_TIMEOUT_S) as answer:
        task = json.load(answer)
    address = task["Containers"][0]["Networks"][0]["IPv4Addresses"][0]
    return str(ip_address(address))


def public_address_of(private: str, region: str) -> str | None:
    """Return the public address of the network interface that holds `private`, None without one."""
    client = boto3.Session(region_name=region).client("ec2", config=EC2_CLIENT)
    answer = client.describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": [private]}]
    )
    for interface in answer["NetworkInterfaces"]:
        for address in interface["PrivateIpAddresses"]:
            public = address.get("Association", {}).get("PublicIp")
            if address["PrivateIpAddress"] == private and public is not None:
                return str(public)
    return None
