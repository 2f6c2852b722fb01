"""kamailio as a proxy between the edge and a peer: an SBC in front of us, a carrier behind us."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from tempfile import mkdtemp
from typing import NamedTuple

from edge.flow import Address, Transport
from tests.e2e.sipp import is_bound

STARTS_WITHIN_S = 20.0
_MODULES = "/usr/lib/*/kamailio/modules"
_TEMPLATE = Path(__file__).with_name("kamailio.cfg")
_TLS = """loadmodule "tls.so"
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{certificate}")
modparam("tls", "ca_list", "{authority}")
modparam("tls", "verify_certificate", 1)
modparam("tls", "tls_method", "TLSv1.2+")
"""


class Secure(NamedTuple):
    """What a proxy needs to speak TLS with the edge."""

    at: Address
    """Where it takes TLS."""
    certificate: Path
    """Its own, with the key in the same file."""
    authority: Path
    """Who has to have signed the edge's."""


@contextmanager
def kamailio(
    folder: Path,
    *,
    at: Address,
    edge: Address,
    behind: Address,
    transport: Transport = Transport.UDP,
    secure: Secure | None = None,
) -> Iterator[None]:
    """Run a proxy that both sides reach at one address, or the edge at another one by TLS."""
    run_folder = Path(mkdtemp(prefix="kamailio-", dir=folder))
    configuration = run_folder / "kamailio.cfg"
    configuration.write_text(_configuration(at, edge, behind, transport, secure))
    log = run_folder / "log"
    command = ["kamailio", "-f", str(configuration), "-DD", "-E", "-m", "32", "-M", "4"]
    command += ["-Y", str(run_folder), "-P", str(run_folder / "pid")]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not is_bound(at, transport) or (secure and not is_bound(secure.at, Transport.TLS)):
            assert process.poll() is None, f"kamailio ends: {log.read_text()[-2_000:]}"
            assert time.monotonic() < deadline, f"kamailio has no port: {log.read_text()[-2_000:]}"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def _configuration(
    at: Address, edge: Address, behind: Address, transport: Transport, secure: Secure | None
) -> str:
    (modules,) = Path("/").glob(_MODULES.removeprefix("/"))
    tls = listen_tls = ""
    if secure is not None:
        tls = _TLS.format(certificate=secure.certificate, authority=secure.authority)
        listen_tls = f"listen=tls:{_text(secure.at)}"
    return Template(_TEMPLATE.read_text()).substitute(
        transport=transport.lower(),
        edge_transport=(Transport.TLS if secure else transport).lower(),
        disable_tcp="no" if secure or transport is not Transport.UDP else "yes",
        enable_tls="yes" if secure else "no",
        at=_text(at),
        at_host=at[0],
        listen_tls=listen_tls,
        edge=_text(edge),
        edge_host=edge[0],
        behind=_text(behind),
        modules=f"{modules}/",
        tls=tls,
    )


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
