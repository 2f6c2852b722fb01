"""Problems that a person can solve: the text says what happened and what to do."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts may rely on."""

    FAILED = 1
    """Nothing runs, or something that should run does not."""
    USAGE = 2
    """An option or file cannot be used."""
    PORT = 3
    """A port is in use or not to be had."""
    REFUSED = 4
    """`ovc call`: the call got a final answer that is not an answer by a person."""
    UNANSWERED = 5
    """`ovc call`: nobody answered in time."""
    NO_AUDIO = 6
    """`ovc call`: answered, but nothing was heard."""


class CommandError(Exception):
    """Ends a command with one line and an exit code."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
