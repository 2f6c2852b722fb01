"""What may go wrong between the edge and AWS: each fault is a small function around a request.

A fault is given the request and the way on, and returns what is answered; None cuts the connection
without an answer. `Door` (fault_proxy.py) says which requests meet it.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tests.chaos.exchange import Answer, Forward, Request

Fault: TypeAlias = Callable[[Request, Forward], Awaitable[Answer | None]]

_DYNAMODB = {"content-type": "application/x-amz-json-1.0"}
_S3 = {"content-type": "application/xml"}


async def passed(request: Request, forward: Forward) -> Answer | None:
    """No fault."""
    return await forward(request)


async def dropped(request: Request, forward: Forward) -> Answer | None:
    """Cut the connection: AWS never hears of the request."""
    return None


async def unavailable(request: Request, forward: Forward) -> Answer | None:
    """Answer that the service has a problem of its own."""
    if request.is_dynamodb:
        return _dynamodb_error(500, "InternalServerError", "try again")
    return _s3_error(503, "ServiceUnavailable", "try again")


async def throttled(request: Request, forward: Forward) -> Answer | None:
    """Answer that there is too much of it, each service in its own form."""
    if request.is_dynamodb:
        text = "The level of configured provisioned throughput for the table was exceeded."
        return _dynamodb_error(400, "ProvisionedThroughputExceededException", text)
    return _s3_error(503, "SlowDown", "Please reduce your request rate.")


async def denied(request: Request, forward: Forward) -> Answer | None:
    """Answer that the credentials do not suffice."""
    if request.is_dynamodb:
        return _dynamodb_error(400, "AccessDeniedException", "not authorized")
    return _s3_error(403, "AccessDenied", "Access Denied")


def slow(seconds: float) -> Fault:
    """Pass a request on later than it came."""

    async def fault(request: Request, forward: Forward) -> Answer | None:
        await asyncio.sleep(seconds)
        return await forward(request)

    return fault


def unheard(after_s: float = 0.0) -> Fault:
    """Let AWS do what is asked, and cut the connection after a while instead of saying so.

    With more seconds than the client's patience its time-out comes first.
    """

    async def fault(request: Request, forward: Forward) -> Answer | None:
        await forward(request)
        await asyncio.sleep(after_s)
        return None

    return fault


def partial(chance: random.Random, share: float) -> Fault:
    """Let BatchWriteItem take a share of its items only; the others are UnprocessedItems."""

    async def fault(request: Request, forward: Forward) -> Answer | None:
        if request.operation != "BatchWriteItem":
            return await forward(request)
        asked = json.loads(request.body)
        taken: dict[str, list[object]] = {}
        left: dict[str, list[object]] = {}
        for table, writes in asked["RequestItems"].items():
            for write in writes:
                place = taken if chance.random() < share else left
                place.setdefault(table, []).append(write)
        if taken:
            body = json.dumps({**asked, "RequestItems": taken}).encode()
            answer = await forward(request._replace(body=body))
            if answer.status != 200:
                return answer
            left = {**json.loads(answer.body)["UnprocessedItems"], **left}
        return Answer(200, _DYNAMODB, json.dumps({"UnprocessedItems": left}).encode())

    return fault


def acting_before(action: Callable[[], None]) -> Fault:
    """Do something when a request comes, and cut its connection: AWS never hears of it."""

    async def fault(request: Request, forward: Forward) -> Answer | None:
        action()
        return None

    return fault


def acting_after(action: Callable[[], None]) -> Fault:
    """Do something once AWS has done what is asked, and cut the connection before it says so."""

    async def fault(request: Request, forward: Forward) -> Answer | None:
        await forward(request)
        action()
        return None

    return fault


def _dynamodb_error(status: int, code: str, text: str) -> Answer:
    told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": text}
    return Answer(status, _DYNAMODB, json.dumps(told).encode())


def _s3_error(status: int, code: str, text: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
    return Answer(status, _S3, f"{body}<Message>{text}</Message></Error>".encode())
