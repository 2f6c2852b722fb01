"""What localstack-core 4.13 wants changed before it starts: where it listens and keeps objects, and
two matters of Python 3.11, which it is declared for but not tried with."""

import hashlib
import sys
import tempfile
import threading
import uuid
from importlib import import_module
from typing import Any

from localstack import config
from localstack.runtime import hooks
from twisted.internet import endpoints


@hooks.on_infra_start(priority=100)
def listen_where_told() -> None:
    """Let the gateway bind to the host of GATEWAY_LISTEN; by itself it takes all interfaces."""
    hosts = {listen.port: listen.host for listen in config.GATEWAY_LISTEN}
    original = endpoints.TCP4ServerEndpoint

    def bound(reactor: Any, port: int, backlog: int = 50, interface: str = "") -> Any:
        return original(reactor, port, backlog, interface or hosts.get(port, "127.0.0.1"))

    endpoints.TCP4ServerEndpoint = bound


@hooks.on_infra_start()
def keep_objects_where_told() -> None:
    """Let the objects of S3 be among the files of this process; by itself it takes /tmp."""
    provider: Any = import_module("localstack.services.s3.provider")
    provider.DEFAULT_S3_TMP_DIR = f"{tempfile.gettempdir()}/s3"


@hooks.on_runtime_create()
def name_the_lock_type() -> None:
    """Let an annotation be `Lock | None`, which a function, as Lock is before 3.13, cannot."""
    if sys.version_info >= (3, 13):
        return
    original: Any = threading.Lock
    stand_in: Any = type("Lock", (), {"__new__": lambda cls: original()})
    threading.Lock = stand_in
    try:
        import_module("localstack.packages.api")
    finally:
        threading.Lock = original


@hooks.on_runtime_create()
def let_uuid5_take_bytes() -> None:
    """Let uuid.uuid5 take bytes, as it does since 3.12; LocalStack's KMS relies on it."""
    if sys.version_info >= (3, 12):
        return
    original = uuid.uuid5

    def uuid5(namespace: uuid.UUID, name: "str | bytes") -> uuid.UUID:
        if isinstance(name, str):
            return original(namespace, name)
        digest = hashlib.sha1(namespace.bytes + name, usedforsecurity=False).digest()
        return uuid.UUID(bytes=digest[:16], version=5)

    uuid.uuid5 = uuid5
