"""The process of the AWS worker as a whole; what it does for AWS, its parts' tests show."""

import asyncio
import socket
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import CredentialRetrievalError

from edge.runtime.aws_messages import AwsCommand, AwsReport, Begin, JournalPlan
from edge.runtime.aws_worker import AwsWorker
from edge.runtime.channel import Channel
from model.settings import Settings
from tests.runtime.records import NODE


def test_one_that_cannot_begin_ends_so_that_another_one_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # A9, EDGE C9: alive and idle it would be taken for well
    def refuse(**arguments: object) -> boto3.Session:
        raise CredentialRetrievalError(provider="container-role", error_msg="away for now")

    monkeypatch.setattr(boto3, "Session", refuse)
    ours, theirs = socket.socketpair()
    problems: list[object] = []

    async def test() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: problems.append(context["exception"]))
        worker = AwsWorker(theirs, loop)
        channel: Channel[AwsCommand, AwsReport] = Channel(ours)
        channel.send(Begin(Settings(), "ovc", 0.1, NODE, JournalPlan(tmp_path, 1 << 20)))
        channel.flush()
        await asyncio.wait_for(worker.run(), 10.0)
        channel.close()

    asyncio.run(test())
    assert [type(it) for it in problems] == [CredentialRetrievalError]
