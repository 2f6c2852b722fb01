"""The running stand, for commands that need one."""

from cli.errors import CommandError, ExitCode
from emulator.stand_file import NoStandError, SeveralStandsError, StandFacts, read


def running_stand(api_port: int | None) -> StandFacts:
    """Return the stand; raises CommandError when there is none or a choice is needed."""
    try:
        return read(api_port)
    except NoStandError as error:
        raise CommandError(str(error)) from error
    except SeveralStandsError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
