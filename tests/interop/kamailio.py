"""kamailio as a proxy between the edge and a peer: an SBC in front of us, a carrier behind us."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from tempfile import mkdtemp

from edge.flow import Address, Transport
from tests.e2e.sipp import is_bound

STARTS_WITHIN_S = 20.0
_MODULES = "/usr/lib/*/kamailio/modules"
_TEMPLATE = Path(__file__).with_name("kamailio.cfg")
_TLS = """loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
modparam("tls", "ca_list", "{authority}")
"""


@contextmanager
def kamailio(
    folder: Path,
    *,
    at: Address,
    edge: Address,
    behind: Address,
    transport: Transport = Transport.UDP,
    transport_behind: Transport | None = None,
    certificate: tuple[Path, Path, Path] | None = None,
) -> Iterator[None]:
    """Run a proxy at an address; with TLS `certificate` is its own, its key, and who signs.

    What is behind it is spoken to as the edge is, or over a transport of its own.
    """
    run_folder = Path(mkdtemp(prefix="kamailio-", dir=folder))
    configuration = run_folder / "kamailio.cfg"
    both = (transport, transport_behind or transport)
    configuration.write_text(_configuration(at, edge, behind, both, certificate))
    log = run_folder / "log"
    command = ["kamailio", "-f", str(configuration), "-DD", "-E", "-m", "32", "-M", "4"]
    command += ["-Y", str(run_folder), "-P", str(run_folder / "pid")]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not is_bound(at, transport):
            assert process.poll() is None, f"kamailio ends: {log.read_text()[-2_000:]}"
            assert time.monotonic() < deadline, f"kamailio has no port: {log.read_text()[-2_000:]}"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def _configuration(
    at: Address,
    edge: Address,
    behind: Address,
    transports: tuple[Transport, Transport],
    certificate: tuple[Path, Path, Path] | None,
) -> str:
    (modules,) = Path("/").glob(_MODULES.removeprefix("/"))
    tls = ""
    if certificate is not None:
        own, key, authority = certificate
        tls = _TLS.format(certificate=own, key=key, authority=authority)
    return Template(_TEMPLATE.read_text()).substitute(
        transport=transports[0].lower(),
        transport_behind=transports[1].lower(),
        listens="\n".join(f"listen={it.lower()}:{_text(at)}" for it in dict.fromkeys(transports)),
        disable_tcp="yes" if set(transports) == {Transport.UDP} else "no",
        enable_tls="yes" if Transport.TLS in transports else "no",
        at=_text(at),
        at_host=at[0],
        edge=_text(edge),
        edge_host=edge[0],
        behind=_text(behind),
        modules=f"{modules}/",
        tls=tls,
    )


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
