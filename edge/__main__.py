"""The edge as a process: `python -m edge`, told by its environment what to be.

Standard output carries JSON lines only; the line with the event `ready` says that calls are taken.
Exit codes: 0 stopped as told, 2 a setting cannot be used, 3 the SIP port is not to be had.
"""

import asyncio
import ctypes
import errno
import gc
import os
import resource
import socket
import sys
import time
from functools import cache, partial
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import boto3
import uvloop

from edge.clock import Clock
from edge.core import Core
from edge.flow import Address
from edge.ids import SystemIds
from edge.runtime import elastic_ip, journal_file, liveness, node, stream_listener, udp
from edge.runtime.aws_messages import Begin, JournalPlan, NodeIdentity
from edge.runtime.certificates import SecretId, TlsFiles
from edge.runtime.draining import DrainTimes
from edge.runtime.lifecycle import Node, NodePlan
from edge.runtime.log import LINGER_S, JsonLines, Logger, utc_now
from edge.runtime.secret_store import SecretStore
from edge.runtime.stream_node import StreamPlan
from edge.settings import VARIABLES, EnvironmentProblemError, RuntimeSettings

EXIT_SETTINGS = 2
EXIT_PORT = 3

LARGE_BLOCK_BYTES = 32_768
"""From here on memory is taken from the kernel block by block."""
_M_MMAP_THRESHOLD = -3
"""malloc.h; Python has no name for it."""
YOUNG_OBJECTS = 50_000
"""Allocations between two young collections. What a message leaves behind dies by its reference
count; the default of 700 would search for cycles at every few messages and find none."""


def main() -> int:
    """Run one node; return the exit code."""
    if len(sys.argv) > 1:
        print(usage(), file=sys.stderr)  # noqa: T201  # the terminal is the reader
        return EXIT_SETTINGS
    forbid_core_files()
    keep_large_blocks_apart()
    log = JsonLines()
    try:
        settings = RuntimeSettings.from_environment(os.environ, read_secret)
    except EnvironmentProblemError as error:
        return _refuse(log, "settings-refused", str(error), EXIT_SETTINGS)
    return serve(settings, log)


def serve(settings: RuntimeSettings, log: JsonLines) -> int:
    """Run one node of settings that have been read; return the exit code."""
    try:
        address = advertised_address(settings)
    except node.AddressUnknownError as error:
        return _refuse(log, "settings-refused", str(error), EXIT_SETTINGS)
    try:
        journal_file.prepare(settings.journal_directory)
    except OSError as error:
        problem = journal_problem(settings.journal_directory, error)
        return _refuse(log, "journal-refused", problem, EXIT_SETTINGS)
    try:
        sip_socket = udp.bind(settings.sip_listen)
    except OSError as error:
        return _refuse(log, "port-refused", port_problem(settings.sip_listen, error), EXIT_PORT)
    try:
        tcp_socket = stream_listener.bind(settings.sip_listen)
    except OSError as error:
        problem = port_problem(settings.sip_listen, error, "TCP")
        return _refuse(log, "port-refused", problem, EXIT_PORT)
    name = settings.health_socket
    try:
        health_socket = None if name is None else liveness.bind(name)
    except OSError as error:
        return _refuse(log, "port-refused", health_problem(name, error), EXIT_PORT)
    run(settings, address, sip_socket, tcp_socket, health_socket, log)
    return 0


def forbid_core_files() -> None:
    """Let no core file be made, of this process and its children: it would hold secrets (S15).

    At a limit of 1 the kernel makes none; one of 0 does not keep it from piping core files to a
    program (core(5)), but is not to be raised where it is set.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def keep_large_blocks_apart() -> None:
    """Let large blocks of memory go back to the kernel whole (mallopt(3)).

    glibc puts larger and larger ones among the small when they are freed. The tables of a busy node
    then leave holes wherever they have grown, and the heap grows for minutes after all else is
    settled. A C library without mallopt is left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def usage() -> str:
    """Return what to type and set."""
    lines = [f"  {name:<22} {meaning}" for name, meaning in VARIABLES.items()]
    return "\n".join(["usage: python -m edge (no arguments); environment:", *lines])


def read_secret(secret_id: str, region: str) -> str:
    """Return the text of a secret in Secrets Manager; raises SecretProblemError."""
    return secret_store(region).read_patiently(secret_id)


@cache
def secret_store(region: str) -> SecretStore:
    """Return Secrets Manager of a region, made once: a client takes a while."""
    return SecretStore.over(boto3.Session(region_name=region))


def advertised_address(settings: RuntimeSettings) -> str:
    """Return what the node calls itself; raises AddressUnknownError."""
    region = settings.settings.region
    if settings.elastic_ips and settings.public_address is None:
        return elastic_ip.claimed_address(
            os.environ,
            elastic_ip.Ec2Addresses(node.ec2_client(region), settings.elastic_ips),
            SystemIds().below,
            time.sleep,
        )
    return node.own_address(
        settings.public_address,
        settings.sip_listen[0],
        os.environ,
        partial(node.public_address_of, region=region),
    )


def port_problem(listen: Address, error: OSError, protocol: str = "UDP") -> str:
    """Return why a port cannot be had, and what to do."""
    where = f"{protocol} port {listen[1]} of {listen[0]}"
    match error.errno:
        case errno.EADDRINUSE:
            see = f"ss -l{protocol[0].lower()}np 'sport = :{listen[1]}'"
            return f"{where} is in use; end the program that has it ({see}) or set OVC_SIP_LISTEN"
        case errno.EADDRNOTAVAIL:
            return f"{where}: this host has no such address; set OVC_SIP_LISTEN to one it has"
        case errno.EACCES:
            return f"{where} needs privileges; set OVC_SIP_LISTEN to a port from 1024 up"
    return f"{where}: {error.strerror}; set OVC_SIP_LISTEN"


def journal_problem(directory: Path, error: OSError) -> str:
    """Return why no journal can be kept, and what to do."""
    return (
        f"no journal can be kept in {directory}: {error.strerror or error}; without one a call "
        "that is answered while DynamoDB is away could get lost. Set OVC_JOURNAL_DIRECTORY to a "
        "directory that this user may write to, on a disk that outlives the process"
    )


def health_problem(name: str | None, error: OSError) -> str:
    """Return why health checks cannot ask, and what to do."""
    reason = "another edge has it" if error.errno == errno.EADDRINUSE else error.strerror
    return f"the health socket {name}: {reason}; set OVC_HEALTH_SOCKET to another name, or to none"


def local_media_address(settings: RuntimeSettings) -> str:
    """Return the local address of media ports: where SIP listens, unless one of its own is set."""
    listen = settings.sip_listen[0]
    if ip_address(listen).is_unspecified:
        return listen
    return settings.media_address or listen


def run(
    settings: RuntimeSettings,
    address: str,
    sip_socket: socket.socket,
    tcp_socket: socket.socket,
    health_socket: socket.socket | None,
    log: JsonLines,
) -> None:
    """Run the node until it is told to stop."""
    sip_address = (address, settings.sip_listen[1])
    core = Core(
        settings=settings.settings,
        ids=SystemIds(),
        clock=Clock(time.monotonic(), utc_now()),
        sip_address=sip_address,
        media_address=settings.media_address or address,
        nonce_secret=settings.nonce_secret,
        workers=settings.media_workers,
        carrier_passwords=settings.carrier_passwords,
        tls_port=settings.tls_listen[1],
    )
    plan = NodePlan(
        begin=Begin(
            settings.settings,
            settings.table_prefix,
            settings.poll_interval_s,
            NodeIdentity(
                uuid4().hex,
                f"{address}:{sip_address[1]}",
                utc_now(),
                node.own_task(os.environ, log),
            ),
            # Half of it: while the journal is written anew, there are two.
            JournalPlan(settings.journal_directory, settings.journal_bytes // 2),
            agent_uri=settings.agent_uri,
            secrets=settings.watched_secrets,
        ),
        sip_socket=sip_socket,
        streams=StreamPlan(
            tcp_socket=tcp_socket,
            sip_address=sip_address,
            tls_listen=settings.tls_listen,
            files=TlsFiles(
                certificate=settings.tls_certificate,
                key=settings.tls_key,
                directory=settings.tls_directory,
                ca=settings.tls_ca,
            ),
            secret=None if settings.tls_secret is None else SecretId(settings.tls_secret),
            verify=settings.settings.tls.verify,
            domain=settings.settings.domain,
        ),
        sip_address=sip_address,
        media_address=local_media_address(settings),
        media_workers=settings.media_workers,
        drain_s=settings.drain_s,
        drain_times=DrainTimes(
            unlisted_s=settings.unlisted_s,
            unnoted_s=settings.unnoted_s,
            longest_s=settings.max_drain_s,
        ),
        dns_servers=settings.dns_servers,
        health_socket=health_socket,
    )

    async def live() -> None:
        gc.collect()
        # What exists now lives as long as the process: no collection needs to look at it again.
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 20, 100)
        log.gather(lambda flush: loop.call_later(LINGER_S, flush))
        try:
            await Node(core, plan, log).run()
        finally:
            log.flush()

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(live())


def _refuse(log: Logger, event: str, message: str, code: int) -> int:
    log(event, {"error": message})
    print(f"ovc edge: {message}", file=sys.stderr)  # noqa: T201  # the terminal is the reader
    return code


if __name__ == "__main__":
    status = main()
    # Not sys.exit(): that would wait for threads that ask a DNS server which does not answer.
    os._exit(status)
