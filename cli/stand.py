"""The running stand, for commands that need one."""

from cli.errors import CommandError, ExitCode
from emulator.stand_file import NoStandError, StandFacts, read


def running_stand(api_port: int | None) -> StandFacts:
    """Return the stand; raises CommandError when there is none."""
    try:
        return read(api_port)
    except NoStandError as error:
        raise CommandError(str(error), ExitCode.NOTHING_RUNS) from error
