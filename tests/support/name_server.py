"""A name server on 127.0.0.0/8 that says what a test sets, over UDP."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from edge.flow import Address

BIND_TO = "127.0.0.53"
LOOK_EVERY_S = 0.05
Choose: TypeAlias = Callable[[Sequence[str]], Sequence[str]]
"""Which of the values of a name an answer has, and in which order."""


class NameServer:
    """Answers from a table; what is not in it does not exist."""

    def __init__(self, sock: socket.socket, choose: Choose) -> None:
        self._socket = sock
        self._choose = choose
        self.address: Address = sock.getsockname()
        self.records: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        """Time to live and values by name and kind."""
        self.is_silent = False
        self.asked: list[tuple[str, str]] = []

    def set(self, name: str, kind: str, *values: str, ttl: int = 60) -> None:
        """Let a name have these records."""
        self.records[(name, kind)] = (ttl, values)

    def serve(self, stopped: Event) -> None:
        """Answer until told to stop."""
        while not stopped.is_set():
            try:
                data, remote = self._socket.recvfrom(2_048)
            except TimeoutError:
                continue
            answer = self._answer(dns.message.from_wire(data))
            if not self.is_silent:
                self._socket.sendto(answer, remote)

    def _answer(self, query: dns.message.Message) -> bytes:
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self.records.get((name, kind))
        if found is None:
            exists = any(known == name for known, _ in self.records)
            answer.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
        elif found[1] == ("SERVFAIL",):
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            ttl, chosen = found[0], self._choose(found[1])
            answer.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, *chosen))
        return answer.to_wire()


@contextmanager
def name_server(choose: Choose = lambda values: values) -> Iterator[NameServer]:
    """Run a name server for as long as the block lasts."""
    stopped = Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((BIND_TO, 0))
        sock.settimeout(LOOK_EVERY_S)
        server = NameServer(sock, choose)
        thread = Thread(target=server.serve, args=(stopped,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            thread.join()
