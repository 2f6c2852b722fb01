"""TLS for clients that speak SIP over TCP alone, such as Debian's SIPp: a tunnel beside them."""

import asyncio
import os
import ssl
from asyncio import StreamReader, StreamWriter
from threading import Thread

from edge.flow import Address

_READ_BYTES = 65_536
PATIENCE_S = 10.0


class TlsTunnel:
    """Takes TCP connections and carries each over TLS to one place, until closed."""

    def __init__(
        self, at: str, to: Address, context: ssl.SSLContext, name: str, *, core: int | None = None
    ) -> None:
        """Listen at the address `at`, from which it also connects; `name` is the server's.

        It works on the processor core `core`, on any when there is none.
        """
        self._at, self._to, self._context, self._name = at, to, context, name
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
        return await asyncio.start_server(self._carry, self._at, 0)

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
                ssl=self._context,
                server_hostname=self._name,
                local_addr=(self._at, 0),
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


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    while data := await source.read(_READ_BYTES):
        sink.write(data)
        await sink.drain()
    sink.close()
