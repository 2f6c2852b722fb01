"""TLS for peers that speak SIP over TCP alone, such as Debian's SIPp: a tunnel beside them."""

import asyncio
import os
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from edge.flow import Address
from emulator.ca import LocalCa
from tests.e2e.running import free_port

_READ_BYTES = 65_536
PATIENCE_S = 10.0


class SecureEdge(NamedTuple):
    """An edge with a certificate, and what its clients have to know."""

    at: Address
    """Where it takes TLS."""
    context: ssl.SSLContext
    """Of a client that trusts it."""
    variables: Mapping[str, str]
    """Of the edge's environment."""

    @classmethod
    def of(cls, directory: Path, host: str) -> "SecureEdge":
        """Choose a port of a host and make a certificate for it in a directory."""
        at, certificate, ca = (host, free_port()), directory / "edge.pem", LocalCa(directory)
        ca.issue(certificate, host)
        variables = {
            "OVC_TLS_LISTEN": f"{at[0]}:{at[1]}",
            "OVC_TLS_CERTIFICATE": str(certificate),
        }
        return cls(at, ssl.create_default_context(cafile=ca.path), variables)

    def tunnel_at(self, host: str, *, core: int | None = None) -> "TlsTunnel":
        """Open a tunnel to it from a client's host."""
        return TlsTunnel(host, self.at, self.context, self.at[0], core=core)


class _Tunnel:
    """Takes connections and carries each to one place, until closed."""

    def __init__(
        self,
        at: Address,
        to: Address,
        *,
        near: ssl.SSLContext | None = None,
        far: ssl.SSLContext | None = None,
        name: str | None = None,
        core: int | None = None,
    ) -> None:
        self._at, self._to, self._near, self._far, self._name = at, to, near, far, name
        self._core = core
        self._carrying: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="tls-tunnel", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(
            PATIENCE_S
        )

    @property
    def address(self) -> Address:
        """Return where it takes connections."""
        host, port = self._server.sockets[0].getsockname()
        return str(host), int(port)

    def close(self) -> None:
        """Cut every connection."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        if self._core is not None:
            os.sched_setaffinity(0, {self._core})
        return await asyncio.start_server(self._carry, *self._at, ssl=self._near)

    async def _end(self) -> None:
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(
                *self._to,
                ssl=self._far,
                server_hostname=self._name,
                local_addr=(self._at[0], 0),
            )
            try:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            finally:
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass  # Whoever waits at the near end sees its connection end.
        finally:
            writer.close()
            self._carrying.discard(task)


class TlsTunnel(_Tunnel):
    """For a client: takes TCP connections and carries each over TLS."""

    def __init__(
        self, at: str, to: Address, context: ssl.SSLContext, name: str, *, core: int | None = None
    ) -> None:
        """Listen at the address `at`, from which it also connects; `name` is the server's.

        It works on the processor core `core`, on any when there is none.
        """
        super().__init__((at, 0), to, far=context, name=name, core=core)


class TlsFront(_Tunnel):
    """For a server: takes TLS connections and carries each over TCP."""

    def __init__(self, at: Address, to: Address, certificate: Path) -> None:
        """Listen at `at` with a certificate that has its key in the same file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        super().__init__(at, to, near=context)

    def __enter__(self) -> "TlsFront":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    while data := await source.read(_READ_BYTES):
        sink.write(data)
        await sink.drain()
    sink.close()
