"""The management API's log in the local run: only what went wrong, as news for the page."""

import sys
from collections.abc import Callable, Mapping

from emulator.child import ChildLine


class ApiLog:
    """Takes the API's log lines; a refusal is the client's to see and is left out."""

    def __init__(self, tell: Callable[[ChildLine], None]) -> None:
        self._tell = tell

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Leave an ordinary line out."""

    def exception(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Pass a failure on, with the exception that is being handled."""
        fields = {"event": "fault", "message": str(msg), "error": repr(sys.exc_info()[1]), **extra}
        self._tell(ChildLine("api", fields))
