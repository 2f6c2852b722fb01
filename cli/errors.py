"""Problems that a person can solve: the text says what happened and what to do."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts may rely on."""

    NOTHING_RUNS = 1
    USAGE = 2
    PORT = 3
    CALL_FAILED = 4
    NO_AUDIO = 5


class CommandError(Exception):
    """Ends a command with one line and an exit code."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.NOTHING_RUNS) -> None:
        super().__init__(message)
        self.exit_code = exit_code
