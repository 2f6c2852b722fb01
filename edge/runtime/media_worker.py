"""The media worker: a process that relays RTP and RTCP between the legs of many calls (A8).

    python -m edge.runtime.media_worker --fd 3 --address 192.0.2.1 ...

It is commanded over a socket pair (edge/media/session.py) and ends with it. A bare epoll loop,
because an event loop's call per packet costs half as much again as the packet itself
(docs/performance.md).
"""

import argparse
import gc
import logging
import resource
import select
import signal
import socket
import time

from edge.media.session import Begin, MediaCommand, MediaReport, PortsLeased
from edge.media.srtp_leg import Aes192Kdf, SrtpRules
from edge.runtime.channel import Channel
from edge.runtime.media_ports import PortPool
from edge.runtime.media_relay import LOG, Relay
from model.settings import MediaSettings

IDLE_PORTS = 256
"""Bound ports that signalling has in hand: two for each call of the next round trip."""
PORTS_PER_LEASE = 64
MOST_EVENTS = 1024
BUSY_EVENTS_PER_S = 5_000
"""From about fifty calls on the loop lets packets come together: waking up for one costs more than
the packet itself."""
PAUSE_S = 0.0005
"""How long it waits for company: a fortieth of a packet's own 20 ms, which nobody can hear."""
FEW_EVENTS = 32
"""A turn that had more needs no pause: it is its own."""


class Worker:
    """The loop: packets, commands, the slow timer."""

    def __init__(
        self,
        channel: Channel[MediaReport, MediaCommand],
        pool: PortPool,
        settings: MediaSettings,
        srtp_rules: SrtpRules,
    ) -> None:
        self._channel = channel
        self._pool = pool
        self._epoll = select.epoll()
        self._epoll.register(channel.fileno(), select.EPOLLIN)
        self._awaits_write = False
        self._has_begun = False
        self._relay = Relay(
            *(pool, settings, srtp_rules),
            epoll=self._epoll,
            report=channel.send,
            now=time.monotonic(),
        )

    def run(self) -> None:
        """Serve until the channel's other end is gone."""
        gc.freeze()
        poll, relay = self._epoll.poll, self._relay
        last_tick = time.monotonic()
        next_tick = last_tick + relay.tick_s
        served, is_busy = 0, False
        events: list[tuple[int, int]] = []
        while not self._channel.closed:
            if is_busy and len(events) < FEW_EVENTS:
                time.sleep(PAUSE_S)
            events = poll(relay.longest_wait_s, MOST_EVENTS)
            now = time.monotonic()
            served += len(events)
            if relay.serve(events, now):
                self._obey()
            relay.feed(now)
            if now >= next_tick:
                is_busy = served > BUSY_EVENTS_PER_S * (now - last_tick)
                served, last_tick, next_tick = 0, now, now + relay.tick_s
                self._tick(now)

    def _obey(self) -> None:
        for command in self._channel.receive():
            try:
                if isinstance(command, Begin):
                    self._begin(command)
                else:
                    self._relay.execute(command)
            except Exception:
                LOG.exception("a %s failed", type(command).__name__)
        self._lease()
        self._flush()

    def _begin(self, command: Begin) -> None:
        self._pool.rest(command.resting, time.monotonic())
        self._has_begun = True

    def _tick(self, now: float) -> None:
        self._relay.tick(now)
        self._pool.end_rests(now)
        self._lease()
        self._flush()

    def _lease(self) -> None:
        """Keep signalling in ports."""
        while self._has_begun and self._pool.idle < IDLE_PORTS:
            ports = self._pool.bind(PORTS_PER_LEASE)
            if not ports:
                break
            self._channel.send(PortsLeased(ports))

    def _flush(self) -> None:
        if self._channel.closed:
            return
        awaits_write = not self._channel.flush()
        if awaits_write != self._awaits_write and not self._channel.closed:
            self._awaits_write = awaits_write
            events = select.EPOLLIN | (select.EPOLLOUT if awaits_write else 0)
            self._epoll.modify(self._channel.fileno(), events)

    def close(self) -> None:
        """Close every socket."""
        self._relay.close()
        self._pool.close()
        self._epoll.close()
        self._channel.close()


def _arguments() -> argparse.Namespace:
    defaults = MediaSettings()
    parser = argparse.ArgumentParser(prog="edge.runtime.media_worker")
    parser.add_argument("--fd", type=int, required=True, help="our end of the control socket pair")
    parser.add_argument("--address", required=True, help="local address that ports are bound to")
    for name in ("first_port", "last_port", "packets_per_second"):
        parser.add_argument(f"--{name}", type=int, default=getattr(defaults, name))
    for name in ("port_rest_s", "timeout_s", "hold_timeout_s", "relatch_after_s"):
        parser.add_argument(f"--{name}", type=float, default=getattr(defaults, name))
    parser.add_argument("--aes192_kdf", type=Aes192Kdf, choices=Aes192Kdf, default=Aes192Kdf.AUTO)
    parser.add_argument("--srtcp_tag32", action="store_true", help="EDGE K12")
    return parser.parse_args()


def main() -> None:
    """Run a worker on the inherited socket."""
    # Ctrl-C reaches the whole process group; the parent decides when the media ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    options = vars(_arguments())
    channel: Channel[MediaReport, MediaCommand] = Channel(socket.socket(fileno=options.pop("fd")))
    address = options.pop("address")
    rules = SrtpRules(options.pop("aes192_kdf"), options.pop("srtcp_tag32"))
    settings = MediaSettings(**options)
    pool = PortPool(address, settings.first_port, settings.last_port, settings.port_rest_s)
    worker = Worker(channel, pool, settings, rules)
    try:
        worker.run()
    finally:
        worker.close()


if __name__ == "__main__":
    main()
