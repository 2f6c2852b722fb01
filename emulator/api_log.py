"""The logs of Lambdas in the local run: only what people want to see, as news for the page."""

import sys
from collections.abc import Callable, Mapping

from emulator.child import ChildLine


class ApiLog:
    """Takes the API's log lines; a refusal is the client's to see and is left out."""

    name = "api"

    def __init__(self, tell: Callable[[ChildLine], None]) -> None:
        self._tell = tell

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Leave an ordinary line out."""

    def exception(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Pass a failure on, with the exception that is being handled."""
        fields = {"event": "fault", "message": str(msg), "error": repr(sys.exc_info()[1]), **extra}
        self._tell(ChildLine(self.name, fields))


class ReaperLog(ApiLog):
    """Takes the call reaper's log lines; what it does to calls is news."""

    name = "call reaper"

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Pass on what became of a call."""
        if str(msg).startswith("call "):
            self._tell(ChildLine(self.name, {"event": str(msg).replace(" ", "-"), **extra}))
