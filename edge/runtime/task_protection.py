"""An ECS task's protection from being stopped at scale-in and deployments (A11).

The task asks the container agent of its host, at the URI that ECS gives it; the agent asks ECS,
with the rights of the task. A protection lasts for as long as ECS grants at most and is renewed
every hour: whoever cannot renew it for a day is still protected, and a drain that ECS lets nobody
renew (DEPLOYMENT_BLOCKED: other protected tasks hold a deployment up) ends before it does.
"""

import json
import time
from collections.abc import Callable
from http.client import HTTPException
from threading import Condition
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from model.drain import LONGEST_DRAIN_S

PATH = "/task-protection/v1/state"
EXPIRES_IN_MINUTES = int(LONGEST_DRAIN_S // 60)
RENEWED_EVERY_S = 3_600.0
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0
TIMEOUT_S = 10.0
"""The agent gives up on ECS sooner, and says so."""
TELL_AFTER = 3
"""Failures in a row: when many tasks start at once ECS throttles, which is nobody's business."""
BLOCKED = "DEPLOYMENT_BLOCKED"
"""ECS protects no more tasks before others of the service have gone; it passes by itself."""
HINT = (
    "a deployment or a scale-in may end this task's calls after 110 s; may the task role do "
    "ecs:UpdateTaskProtection on the tasks of its cluster? See docs/operations.md, "
    "protection-refused"
)
_HINTS = {True: HINT, False: "the node serves nobody any more: stop its task if this goes on"}


class ProtectionRefusedError(Exception):
    """The agent or ECS has not done what was asked."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


def put_state(agent_uri: str, is_protected: bool) -> None:
    """Let the agent set the protection of the task; raises ProtectionRefusedError."""
    wanted: dict[str, object] = {"ProtectionEnabled": is_protected}
    if is_protected:
        wanted["ExpiresInMinutes"] = EXPIRES_IN_MINUTES
    request = Request(
        agent_uri + PATH,
        json.dumps(wanted).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            _judge(answer.read(), is_protected)
    except HTTPError as error:
        raise _refused(error) from error
    except (OSError, HTTPException) as error:
        raise ProtectionRefusedError("the agent does not answer", str(error)) from error


def _judge(body: bytes, is_protected: bool) -> None:
    answer = _members(body)
    failure, protection = answer.get("failure"), answer.get("protection")
    if isinstance(failure, dict):
        detail = str(failure.get("Detail") or "")
        raise ProtectionRefusedError(str(failure.get("Reason")), detail)
    if not isinstance(protection, dict) or protection.get("ProtectionEnabled") is not is_protected:
        raise ProtectionRefusedError("the agent's answer is no protection", repr(body[:200]))


def _refused(error: HTTPError) -> ProtectionRefusedError:
    told = _members(error.read()).get("error")
    if isinstance(told, dict):
        return ProtectionRefusedError(str(told.get("Code")), str(told.get("Message") or ""))
    return ProtectionRefusedError(f"status {error.code}", str(error.reason))


# An answer is JSON of any shape.
def _members(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


class TaskProtection:
    """Keeps the protection as it is wanted, in a thread of its own."""

    def __init__(
        self,
        put: Callable[[bool], None],
        *,
        tell: Callable[[bool], None],
        log: Logger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`put` sets it and may block; `tell` hears of each change that has come about."""
        self._put = put
        self._tell = tell
        self._log = log
        self._monotonic = monotonic
        self._backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
        self._wanted: bool | None = None
        self._is: bool | None = None
        """What ECS was last told; None: nothing yet."""
        self._failures = 0
        self._failing_since = 0.0
        self._told_of = ""
        self._changed = Condition()

    def want(self, is_protected: bool) -> None:
        """Say how it is to be from now on."""
        with self._changed:
            self._wanted = is_protected
            self._changed.notify()

    def run(self) -> None:
        """Work for ever."""
        while True:
            with self._changed:
                wanted = self._wanted
                if wanted is None or (wanted is False and self._is is False):
                    self._changed.wait()
                    continue
            wait_s = self.step(wanted)
            with self._changed:
                if self._wanted is wanted and wait_s > 0.0:
                    self._changed.wait(wait_s)

    def step(self, wanted: bool) -> float:
        """Set the protection, or renew it; return in how many seconds to do so again."""
        try:
            self._put(wanted)
        except ProtectionRefusedError as error:
            return self._failed(error, wanted)
        except Exception as error:
            # A thread that ended would leave the task as it is, and nobody would see it.
            return self._failed(ProtectionRefusedError("no answer", repr(error)), wanted)
        self._backoff.reset()
        if self._told_of:
            away_s = round(self._monotonic() - self._failing_since, 1)
            self._log("protection-granted", {"protected": wanted, "refused_for_s": away_s})
        self._failures, self._told_of = 0, ""
        if self._is is not wanted:
            self._is = wanted
            self._tell(wanted)
        return RENEWED_EVERY_S if wanted else 0.0

    def _failed(self, error: ProtectionRefusedError, wanted: bool) -> float:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = self._monotonic()
        event = "protection-waits" if error.reason == BLOCKED else "protection-refused"
        if self._failures >= TELL_AFTER and self._told_of != event:
            self._told_of = event
            hint = "it passes by itself" if error.reason == BLOCKED else _HINTS[wanted]
            self._log(event, {"wanted": wanted, "error": str(error), "hint": hint})
        return self._backoff.next_s()
