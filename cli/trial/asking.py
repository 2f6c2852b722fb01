"""What a trial asks the nodes by SIP, and what it makes of their answers."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from cli.trial.report import Told, Unfit
from cli.trial.sip import Answer, Question, ask_stream, ask_tcp, ask_udp, tls_connection
from edge.flow import Address, Transport
from edge.policy.reasons import Reason

KNOWN_WITHIN_S = 30.0
"""From a change at the API until the nodes act on it; two seconds are promised (A9)."""
NOBODY = "+10000000000"
"""No country can have this number: a call to it is refused after all checks of its sender."""
EXPECTED = Reason.DIALED_NUMBER.value
CALLER = "+12125550100"
"""A valid caller id, of the numbers that are kept for fiction."""
ANSWER_WITHIN_S = 2.0
_AGAIN_S = 1.1
"""The connector may start one call a second, which every quota allows."""
_DAY_S = 86_400.0

PLAIN = ((Transport.UDP, ask_udp), (Transport.TCP, ask_tcp))
"""The transports without certificates, and how a question is asked over each."""


def refusal() -> str:
    """Return StatusMessage of the record of a call to nobody (EDGE 6.3)."""
    return f"{EXPECTED.statuses[0]} {EXPECTED.text}"


def seen_by(nodes: Sequence[Address], domain: str) -> Told[tuple[str, ...]]:
    """Ask for a connector that admits nobody yet: the refusal names the address that it went to.

    Nodes refuse strangers that name a connector (EDGE R7) as soon as they know it. Raises Unfit.
    """
    question, deadline = (
        Question(method="OPTIONS", domain=domain),
        time.monotonic() + KNOWN_WITHIN_S,
    )
    while time.monotonic() < deadline:
        for node in nodes:
            seen = dict(_addresses_seen(question, node))
            if seen:
                told = ", ".join(f"{address} over {name}" for name, address in seen.items())
                return Told(f"nodes see {told}", tuple(dict.fromkeys(seen.values())))
        time.sleep(_AGAIN_S)
    raise Unfit(f"no node has answered an OPTIONS for {domain}, over UDP or TCP")


def _addresses_seen(question: Question, node: Address) -> Iterable[tuple[Transport, str]]:
    for transport, ask in PLAIN:
        try:
            yield transport, ask(question, node, ANSWER_WITHIN_S).seen_as
        except OSError:
            continue


def admitted(ask: Callable[[], Answer], changed_at: float) -> Told[float]:
    """Ask until the answer is 200; raises Unfit when that takes too long after the change."""
    answer = _insisted(ask, lambda it: it.status == 200, changed_at)
    return Told(f"answers OPTIONS of {answer.seen_as}", time.monotonic() - changed_at)


def refused(domain: str, node: Address, changed_at: float) -> Told[float]:
    """Call a number that nobody has, until the node refuses it for that and no other reason.

    Only this shows that the change has reached it: whoever another connector lists gets a 200 to
    OPTIONS before. Raises Unfit.
    """
    question = Question(method="INVITE", domain=domain, user=NOBODY, caller=CALLER)

    def is_expected(answer: Answer) -> bool:
        return answer.status in EXPECTED.statuses and answer.warning == EXPECTED.text

    answer = _insisted(partial(ask_udp, question, node, ANSWER_WITHIN_S), is_expected, changed_at)
    took_s = time.monotonic() - changed_at
    return Told(f"{NOBODY} gets {answer}, {took_s:.1f} s after the change", took_s)


def _insisted(
    ask: Callable[[], Answer], is_expected: Callable[[Answer], bool], changed_at: float
) -> Answer:
    # However long the nodes before it have taken, each is asked more than once.
    latest, deadline = "", max(changed_at + KNOWN_WITHIN_S, time.monotonic() + 4 * _AGAIN_S)
    while True:
        try:
            answer = ask()
        except OSError as error:
            latest = str(error)
        else:
            if is_expected(answer):
                return answer
            latest = f"it answered {answer} to {answer.seen_as}"
        if time.monotonic() > deadline:
            raise Unfit(latest)
        time.sleep(_AGAIN_S)


def is_open(at: Address) -> bool:
    """Tell whether anything takes connections there."""
    try:
        with socket.create_connection(at, ANSWER_WITHIN_S):
            return True
    except OSError:
        return False


def admitted_by_tls(question: Question, at: Address, ca_file: str | None) -> Told[float]:
    """Ask over TLS, with a certificate that fits the connector's host; raises OSError, Unfit."""
    context = ssl.create_default_context(cafile=ca_file)
    with tls_connection(at, question.domain, context, ANSWER_WITHIN_S) as secure:
        shown = secure.getpeercert() or {}
        days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / _DAY_S
        answer = ask_stream(question, secure, Transport.TLS, ANSWER_WITHIN_S)
        if answer.status != 200:
            raise Unfit(f"OPTIONS answered {answer}")
        return Told(f"{secure.version()}, certificate for {days:.0f} days", days)
