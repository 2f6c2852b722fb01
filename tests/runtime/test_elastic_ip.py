"""Which of a deployment's Elastic IPs a node takes, whoever else wants one."""

from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from edge.__main__ import advertised_address
from edge.runtime.elastic_ip import Addresses, Ec2Addresses, ElasticIp, claimed_address
from edge.runtime.instance import instance_id
from edge.runtime.node import ADDRESS_TRIES, AddressUnknownError
from edge.settings import RuntimeSettings
from tests.runtime.local_aws import KEYS, REGION, LocalAws

pytestmark = pytest.mark.sockets

TOKEN = "AQAEAF5mlHk-of-a-test=="
INSTANCE = "i-0aaaaaaaaaaaaaaaa"
OTHER = "i-0bbbbbbbbbbbbbbbb"


class InstanceMetadata(BaseHTTPRequestHandler):
    """What an instance asks about itself: version 2 of the service, which wants a token."""

    instance = INSTANCE

    def do_PUT(self) -> None:
        asked_for_life = self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        is_right = self.path == "/latest/api/token" and 0 < int(asked_for_life) <= 21_600
        self._answer(200 if is_right else 400, TOKEN)

    def do_GET(self) -> None:
        if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._answer(401, "")
        elif self.path == "/latest/meta-data/instance-id":
            self._answer(200, self.instance)
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


Metadata = Callable[[str], dict[str, str]]
"""Makes an instance of that name; returns the environment of what runs on it."""


@pytest.fixture
def on_instance() -> Iterator[Metadata]:
    servers: list[tuple[ThreadingHTTPServer, Thread]] = []

    def begin(instance: str) -> dict[str, str]:
        handler = type("Handler", (InstanceMetadata,), {"instance": instance})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        url = f"http://127.0.0.1:{server.server_port}/"
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}

    yield begin
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


class Pool:
    """EC2's Elastic IPs, without EC2: two letters name an allocation and its address."""

    def __init__(self, **holders: str | None) -> None:
        self.holders = dict(holders)
        self.tried: list[str] = []

    def listed(self) -> Sequence[ElasticIp]:
        return [ElasticIp(it, f"ip-{it}", holder) for it, holder in self.holders.items()]

    def taken(self, allocation_id: str, instance: str) -> bool:
        self.tried.append(allocation_id)
        if self.holders[allocation_id] is not None:
            return False
        self.holders[allocation_id] = instance
        return True


class LatePool(Pool):
    """One whose list is older than what happens to the addresses."""

    def __init__(self, listed: Sequence[ElasticIp], **holders: str | None) -> None:
        super().__init__(**holders)
        self._listed = listed

    def listed(self) -> Sequence[ElasticIp]:
        return self._listed


def first(count: int) -> int:
    return 0


def at_once(wait_s: float) -> None:
    """Do not wait: nothing changes meanwhile."""


def test_a_node_takes_a_free_address(on_instance: Metadata) -> None:  # A11, EDGE W14
    pool = Pool(a=OTHER, b=None, c=None)
    assert claimed_address(on_instance(INSTANCE), pool, first, at_once) == "ip-b"
    assert pool.holders == {"a": OTHER, "b": INSTANCE, "c": None}


def test_what_starts_on_an_instance_again_has_its_address_again(on_instance: Metadata) -> None:
    # A11
    pool = Pool(a=None, b=OTHER, c=INSTANCE)
    assert claimed_address(on_instance(INSTANCE), pool, first, at_once) == "ip-c"
    assert pool.tried == []


def test_who_was_slower_takes_the_next_one(on_instance: Metadata) -> None:  # A11
    seen = [ElasticIp(it, f"ip-{it}", None) for it in ("a", "b", "c")]
    pool = LatePool(seen, a=OTHER, b=OTHER, c=None)
    assert claimed_address(on_instance(INSTANCE), pool, first, at_once) == "ip-c"
    assert pool.tried == ["a", "b", "c"]


def test_nodes_that_start_together_begin_at_different_ones(on_instance: Metadata) -> None:  # A11
    pool, asked = Pool(a=OTHER, b=None, c=None, d=None), []

    def third(count: int) -> int:
        asked.append(count)
        return 2

    assert claimed_address(on_instance(INSTANCE), pool, third, at_once) == "ip-d"
    assert asked == [3]


def test_an_address_that_somebody_gives_back_is_waited_for(on_instance: Metadata) -> None:  # A11
    pool, waits = Pool(a=OTHER), []

    def released_meanwhile(wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) == 3:
            pool.holders["a"] = None

    assert claimed_address(on_instance(INSTANCE), pool, first, released_meanwhile) == "ip-a"
    assert waits == [0.5, 1.0, 2.0]


def test_a_node_without_an_address_does_not_start_and_says_who_has_them(
    on_instance: Metadata,
) -> None:  # A11, EDGE W14
    pool, waits = Pool(a=OTHER, b="eni-0123"), list[float]()
    with pytest.raises(AddressUnknownError) as refused:
        claimed_address(on_instance(INSTANCE), pool, first, waits.append)
    message = str(refused.value)
    assert f"none of the 2 Elastic IPs in OVC_ELASTIC_IPS is free for {INSTANCE}" in message
    assert f"{OTHER} has ip-a" in message and "eni-0123 has ip-b" in message
    assert len(waits) == ADDRESS_TRIES - 1
    assert pool.holders == {"a": OTHER, "b": "eni-0123"}


def test_addresses_that_nobody_knows_are_told(on_instance: Metadata) -> None:
    with pytest.raises(AddressUnknownError, match=r"knows none .*eipalloc-"):
        claimed_address(on_instance(INSTANCE), Pool(), first, at_once)


def test_an_answer_that_got_lost_with_the_old_address_is_looked_up(on_instance: Metadata) -> None:
    # A11: the association changes the address that the answer would come to.
    class Losing(Pool):
        def taken(self, allocation_id: str, instance: str) -> bool:
            super().taken(allocation_id, instance)
            raise ReadTimeoutError(endpoint_url="https://ec2.test")

    pool = Losing(a=None, b=None)
    assert claimed_address(on_instance(INSTANCE), pool, first, at_once) == "ip-a"
    assert pool.holders == {"a": INSTANCE, "b": None}


def test_what_ec2_refuses_for_good_is_told(on_instance: Metadata) -> None:
    class Refusing(Pool):
        def taken(self, allocation_id: str, instance: str) -> bool:
            denied = {"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}
            raise ClientError(denied, "AssociateAddress")  # type: ignore[arg-type]  # botocore's own shape

    with pytest.raises(AddressUnknownError, match="UnauthorizedOperation"):
        claimed_address(on_instance(INSTANCE), Refusing(a=None), first, at_once)


def test_off_an_instance_there_is_nothing_to_take() -> None:
    nowhere = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    pool = Pool(a=None)
    with pytest.raises(AddressUnknownError, match="no Elastic IP can be taken"):
        claimed_address(nowhere, pool, first, at_once)
    assert pool.tried == []


def test_an_instance_knows_its_id(on_instance: Metadata) -> None:
    assert instance_id(on_instance(INSTANCE)) == INSTANCE
    with pytest.raises(ValueError, match="name 'nothing' as the instance"):
        instance_id(on_instance("nothing"))


def instances_of(ec2: Any, count: int) -> list[str]:
    """Start instances; moto has any image that it is asked for."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count)
    return [it["InstanceId"] for it in made["Instances"]]


def allocated(ec2: Any, count: int) -> dict[str, str]:
    """Allocate addresses: id -> address."""
    made = [ec2.allocate_address(Domain="vpc") for _ in range(count)]
    return {it["AllocationId"]: it["PublicIp"] for it in made}


def test_ec2_gives_an_address_once(aws: LocalAws) -> None:  # A11
    ec2 = aws.client("ec2")
    one, two = instances_of(ec2, 2)
    ours, strange = allocated(ec2, 1), allocated(ec2, 1)
    (allocation,) = ours
    addresses = Ec2Addresses(ec2, [allocation, "eipalloc-0123456789abcdef0"])
    (seen,) = addresses.listed()
    assert seen == ElasticIp(allocation, ours[allocation], None)
    assert addresses.taken(allocation, one)
    assert not addresses.taken(allocation, two)
    (seen,) = addresses.listed()
    assert seen.holder == one
    with pytest.raises(ClientError, match="InvalidAllocationID"):
        Ec2Addresses(ec2, list(strange)).taken("eipalloc-0123456789abcdef0", one)


def test_of_three_nodes_two_get_the_two_addresses(aws: LocalAws, on_instance: Metadata) -> None:
    # A11
    ec2 = aws.client("ec2")
    instances = instances_of(ec2, 3)
    ours = allocated(ec2, 2)
    together = Barrier(len(instances), timeout=30)
    got: dict[str, str] = {}
    refused: dict[str, str] = {}

    class Together:
        """Everybody sees the list before anybody takes one of it."""

        def __init__(self) -> None:
            self._ec2 = Ec2Addresses(aws.client("ec2"), list(ours))
            self._first = True

        def listed(self) -> Sequence[ElasticIp]:
            listed = self._ec2.listed()
            if self._first:
                together.wait()
            self._first = False
            return listed

        def taken(self, allocation_id: str, instance: str) -> bool:
            return self._ec2.taken(allocation_id, instance)

    def start(instance: str, environ: dict[str, str], addresses: Addresses) -> None:
        try:
            got[instance] = claimed_address(environ, addresses, first, at_once)
        except AddressUnknownError as error:
            refused[instance] = str(error)

    nodes = [Thread(target=start, args=(it, on_instance(it), Together())) for it in instances]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    assert sorted(got.values()) == sorted(ours.values())
    (without,) = refused
    assert all(f"{it} has {address}" in refused[without] for it, address in got.items())
    associated = ec2.describe_addresses(AllocationIds=list(ours))["Addresses"]
    assert {it["InstanceId"]: it["PublicIp"] for it in associated} == got


def test_the_edge_advertises_the_address_that_it_took(
    aws: LocalAws, on_instance: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:  # A11, EDGE W14
    ec2 = aws.client("ec2")
    (instance,) = instances_of(ec2, 1)
    (allocation,), (address,) = zip(*allocated(ec2, 1).items(), strict=True)
    for name, value in (on_instance(instance) | KEYS | {"AWS_ENDPOINT_URL": aws.url}).items():
        monkeypatch.setenv(name, value)
    environ = {
        "OVC_ELASTIC_IPS": allocation,
        "OVC_NONCE_SECRET": "s" * 32,
        "OVC_SETTINGS": f'{{"region": "{REGION}"}}',
    }
    settings = RuntimeSettings.from_environment(environ, lambda *_: "")
    assert settings.elastic_ips == (allocation,)
    assert advertised_address(settings) == address
    environ["OVC_PUBLIC_ADDRESS"] = "192.0.2.1"
    told = RuntimeSettings.from_environment(environ, lambda *_: "")
    assert advertised_address(told) == "192.0.2.1"
