"""Steps of a trial that no running stand shows."""

import socket

import pytest

from cli.trial.course import Node, Wishes, try_tls
from cli.trial.report import Report, Verdict
from cli.trial.sip import Question

pytestmark = pytest.mark.sockets

QUESTION = Question(method="OPTIONS", domain="abc.voiceconnector.example.com")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("has_tls", "verdict"),
    [(True, Verdict.FAILED), (False, Verdict.SKIPPED), (None, Verdict.SKIPPED)],
)
def test_a_closed_port_is_a_failure_only_where_the_node_says_that_it_is_open(
    has_tls: bool | None, verdict: Verdict
) -> None:
    report = Report(lambda step: None)
    node = Node(("127.0.0.1", 5060), has_tls)
    try_tls(report, node, QUESTION, Wishes(tls_port=closed_port()))
    assert [step.verdict for step in report.steps] == [verdict]
