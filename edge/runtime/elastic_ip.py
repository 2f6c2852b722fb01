"""The fixed address of a node: one Elastic IP out of those of its deployment (A11, EDGE W14).

A node takes one when it starts, and its instance keeps it until it ends: what starts on the same
instance again has the same address. Who is first has it, and EC2 decides who that is: it is asked
never to take an address away from somebody else, so that of two nodes that want the same one, one
is refused and takes another. There is nothing to agree on, and nothing to clean up: EC2 lets go of
the address of an instance that has ended.

What runs out is addresses: a node that finds none free, for as long as others take to end, does not
start.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from edge.runtime.instance import instance_id
from edge.runtime.node import AddressUnknownError, patiently

TAKEN = "Resource.AlreadyAssociated"
"""What EC2 answers when somebody else has the address."""


class ElasticIp(NamedTuple):
    """An Elastic IP as EC2 tells it."""

    allocation_id: str
    address: str
    holder: str | None
    """Id of the instance that has it, or of the network interface of something else."""


class Addresses(Protocol):
    """The Elastic IPs of a deployment. Both raise what botocore raises."""

    def listed(self) -> Sequence[ElasticIp]:
        """Return those that there are."""

    def taken(self, allocation_id: str, instance: str) -> bool:
        """Give a free one to an instance; return False if somebody else was faster."""


class Ec2Addresses:
    """The Elastic IPs with these allocation ids, at EC2."""

    # botocore's clients are made at run time: what they take and return has no static type.
    def __init__(self, client: Any, allocation_ids: Sequence[str]) -> None:
        self._client = client
        self._allocation_ids = list(allocation_ids)

    def listed(self) -> Sequence[ElasticIp]:
        """Return those that there are; by a filter, for one unknown id would be an error of all."""
        wanted = {"Name": "allocation-id", "Values": self._allocation_ids}
        return [
            ElasticIp(
                it["AllocationId"],
                it["PublicIp"],
                it.get("InstanceId") or it.get("NetworkInterfaceId") or it.get("AssociationId"),
            )
            for it in self._client.describe_addresses(Filters=[wanted])["Addresses"]
        ]

    def taken(self, allocation_id: str, instance: str) -> bool:
        """Give a free one to an instance; return False if somebody else was faster."""
        try:
            self._client.associate_address(
                AllocationId=allocation_id, InstanceId=instance, AllowReassociation=False
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == TAKEN:
                return False
            raise
        return True


def claimed_address(
    environ: Mapping[str, str],
    addresses: Addresses,
    below: Callable[[int], int],
    rest: Callable[[float], None],
) -> str:
    """Return the address that this node's instance has, or takes now; raises AddressUnknownError.

    It is tried for a minute or so: an instance that ends gives its address back only then. `below`
    returns a chance number below its argument, `rest` waits for some seconds.
    """
    return patiently(lambda: _claimed(environ, addresses, below), rest)


def _claimed(environ: Mapping[str, str], addresses: Addresses, below: Callable[[int], int]) -> str:
    try:
        instance = instance_id(environ)
        known = addresses.listed()
        for own in known:
            if own.holder == instance:
                return own.address
        free = [it for it in known if it.holder is None]
        # Nodes that start together would all run after the same one.
        start = below(len(free)) if free else 0
        for candidate in free[start:] + free[:start]:
            if addresses.taken(candidate.allocation_id, instance):
                return candidate.address
    except (OSError, BotoCoreError, ClientError, ValueError, LookupError, TypeError) as error:
        raise AddressUnknownError(f"no Elastic IP can be taken ({error!r})") from error
    raise AddressUnknownError(_none_free(known, instance))


def _none_free(known: Sequence[ElasticIp], instance: str) -> str:
    if not known:
        return (
            "EC2 knows none of the Elastic IPs in OVC_ELASTIC_IPS: name allocation ids "
            "(eipalloc-...) of this account and region"
        )
    holders = ", ".join(f"{it.holder or 'another node'} has {it.address}" for it in known)
    return (
        f"none of the {len(known)} Elastic IPs in OVC_ELASTIC_IPS is free for {instance} "
        f"({holders}): give back one that something else has, or name more"
    )
