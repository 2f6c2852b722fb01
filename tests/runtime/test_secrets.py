"""An edge whose secrets are in Secrets Manager, from its first deployment to renewed certificates.

The environment of the process names them and holds none (S15).
"""

import json
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edge.runtime.secret_store import TRIES
from model.node import TlsState
from model.node_items import node_from
from model.tables import NODE, NODES
from tests.e2e.running import free_port
from tests.runtime.local_aws import Deployment, a_connector
from tests.runtime.processes import children_of
from tests.runtime.scripted import wait_for
from tests.runtime.test_main import CONNECTOR, HOST, Edge, asked, edge, environment, request
from tests.support.tls import TestCa

pytestmark = pytest.mark.sockets

WILDCARD = "*.voiceconnector.localhost"
NONCES = "a-secret-of-nonces-that-nobody-must-see"
PASSWORD = "a-password-of-a-carrier-that-nobody-must-see"


class Stand(NamedTuple):
    """A running edge, and where it takes TLS."""

    edge: Edge
    tls: int
    secrets: Any
    """A client of Secrets Manager."""
    names: dict[str, str]
    deployment: Deployment

    def look(self) -> None:
        """Let the edge look at its secrets now, not within five minutes."""
        self.edge.process.send_signal(signal.SIGHUP)

    def of(self, event: str, count: int) -> dict[str, Any]:
        """Return the line of an event once there are so many."""
        wait_for(lambda: len(self.edge.of(event)) >= count, 15.0)
        return self.edge.of(event)[count - 1]

    def state(self) -> TlsState | None:
        """Return what the node's row says of TLS."""
        rows = [it for it in self.deployment.items(NODES) if it["pk"]["S"] == NODE]
        return node_from(rows[0]).tls if rows else None


@pytest.fixture
def stand(deployment: Deployment) -> Iterator[Stand]:
    deployment.put_connector(a_connector(CONNECTOR))
    secrets = deployment.aws.client("secretsmanager")
    names = {it: f"{deployment.prefix}/{it}" for it in ("nonces", "tls", "carriers/acme")}
    secrets.create_secret(Name=names["nonces"], SecretString=NONCES)
    secrets.create_secret(Name=names["carriers/acme"], SecretString=PASSWORD)
    port, tls = free_port(), free_port()
    variables = environment(deployment, port)
    settings = json.loads(variables["OVC_SETTINGS"])
    settings["carriers"] = [
        {
            **{"name": "acme", "host": "127.0.0.9", "port": free_port(), "username": "trunk"},
            "password": f"secret:{names['carriers/acme']}",
        }
    ]
    variables |= {
        "OVC_SETTINGS": json.dumps(settings),
        "OVC_NONCE_SECRET_ID": names["nonces"],
        "OVC_TLS_SECRET_ID": names["tls"],
        "OVC_TLS_LISTEN": f"127.0.0.1:{tls}",
    }
    with edge(variables, port) as running:
        running.until("ready")
        yield Stand(running, tls, secrets, names, deployment)


@contextmanager
def connected(stand: Stand, ca: TestCa) -> Iterator[ssl.SSLSocket]:
    with socket.create_connection(("127.0.0.1", stand.tls), 5.0) as plain:
        with ca.client().wrap_socket(plain, server_hostname=HOST) as secure:
            yield secure


def serial(connection: ssl.SSLSocket) -> str:
    shown = connection.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])


def is_answered(connection: ssl.SSLSocket) -> bool:
    local = connection.getsockname()
    message = request("OPTIONS", f"sip:{HOST}", (local[0], local[1]))
    connection.sendall(message.replace(b"SIP/2.0/UDP", b"SIP/2.0/TLS"))
    return connection.recv(65_535).startswith(b"SIP/2.0 200 ")


def test_no_process_of_an_edge_has_a_secret_in_its_environment(stand: Stand) -> None:
    # EDGE S15
    pids = [stand.edge.process.pid, *children_of(stand.edge.process.pid)]
    assert len(pids) >= 3
    for pid in pids:
        variables = Path(f"/proc/{pid}/environ").read_bytes()
        assert stand.names["nonces"].encode() in variables
        for secret in (NONCES, PASSWORD, "PRIVATE KEY"):
            assert secret.encode() not in variables
    assert NONCES not in repr(stand.edge.lines) and PASSWORD not in repr(stand.edge.lines)


def test_tls_opens_when_there_is_a_certificate_and_a_new_one_is_shown(
    stand: Stand, tmp_path: Path
) -> None:  # EDGE W7, W8, X7
    ca = TestCa(tmp_path)
    # The first deployment: UDP serves, TLS is closed, and it is told.
    assert stand.edge.of("ready")[0]["tls_port"] is None
    assert "create-secret" in stand.of("secret-unreadable", 1)["reason"]
    assert "UDP and TCP serve" in stand.of("tls-closed", 1)["hint"]
    assert asked(stand.edge, "OPTIONS", f"sip:{HOST}").startswith(b"SIP/2.0 200 ")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stand.tls), 5.0)
    wait_for(lambda: stand.state() == TlsState(is_open=False), 15.0)
    # A certificate comes.
    name = stand.names["tls"]
    stand.secrets.create_secret(
        Name=name, SecretString=ca.issue(WILDCARD, file="one.pem").read_text()
    )
    stand.look()
    assert stand.of("tls-open", 1)["port"] == stand.tls
    with connected(stand, ca) as old:
        first = serial(old)
        assert is_answered(old)
        # Another one follows; who is connected stays so.
        second_pem = ca.issue(WILDCARD, file="two.pem").read_text()
        stand.secrets.put_secret_value(SecretId=name, SecretString=second_pem)
        stand.look()
        stand.of("certificate-loaded", 2)
        with connected(stand, ca) as new:
            second = serial(new)
            assert second != first
            assert is_answered(new) and is_answered(old)
        # One that cannot be used changes nothing.
        chain = second_pem[second_pem.index("-----BEGIN CERTIFICATE") :]
        stand.secrets.put_secret_value(SecretId=name, SecretString=chain)
        stand.look()
        assert "no whole private key" in stand.of("certificate-refused", 1)["reason"]
        with connected(stand, ca) as new:
            assert serial(new) == second
        # Nor does Secrets Manager when it goes.
        stand.deployment.aws.stop()
        try:
            stand.look()
            stand.of("secret-unreadable", 2)
            with connected(stand, ca) as new:
                assert serial(new) == second and is_answered(new) and is_answered(old)
        finally:
            stand.deployment.aws.start_again()
    wait_for(lambda: (stand.state() or TlsState(is_open=False)).is_open, 15.0)
    state = stand.state()
    assert state is not None and state.covers_hosts and state.ends_at is not None
    assert "PRIVATE KEY" not in repr(stand.edge.lines)


def test_an_edge_with_a_certificate_opens_tls_at_its_start(
    deployment: Deployment, tmp_path: Path
) -> None:
    ca, name = TestCa(tmp_path), f"{deployment.prefix}/tls"
    text = ca.issue(WILDCARD, file="edge.pem").read_text()
    deployment.aws.client("secretsmanager").create_secret(Name=name, SecretString=text)
    port, tls = free_port(), free_port()
    more = {"OVC_TLS_SECRET_ID": name, "OVC_TLS_LISTEN": f"127.0.0.1:{tls}"}
    with edge(environment(deployment, port, **more), port) as running:
        # Before it is ready, unless the machine is so busy that reading takes two seconds.
        assert running.until("tls-open")["port"] == tls
        running.until("ready")


def test_an_edge_without_its_nonce_secret_says_so_and_does_not_start(
    deployment: Deployment,
) -> None:  # EDGE G3
    port = free_port()
    variables = environment(deployment, port, OVC_NONCE_SECRET_ID=f"{deployment.prefix}/nonces")
    with edge(variables, port) as running:
        said = running.until("settings-refused", 5.0 * TRIES)["error"]
        assert f"the secret {deployment.prefix}/nonces is not there" in said
        assert "create-secret" in said
        assert running.process.wait(5.0) == 2
