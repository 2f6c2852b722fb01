"""The demo PBX behind the demo connector: `python -m emulator.pbx`; it answers and echoes."""

import argparse
import sys

from edge.flow import Address
from emulator.process import address, run, run_until_orphaned
from emulator.pstn_plan import ANSWER_AND_ECHO
from emulator.user_agent import UserAgent


async def serve(sip: Address) -> None:
    """Run the PBX until the process that started it is gone."""
    agent = UserAgent(sip, lambda number: ANSWER_AND_ECHO, "Demo-PBX")
    await agent.open()
    await run_until_orphaned("pbx")


def main() -> int:
    """Read the options and run; exit code 3 says that the port is in use."""
    parser = argparse.ArgumentParser(prog="python -m emulator.pbx", description=__doc__)
    parser.add_argument("--sip", type=address, required=True, help="IP:port for SIP over UDP")
    try:
        run(serve(parser.parse_args().sip))
    except OSError as error:
        sys.stderr.write(f"the demo PBX cannot start: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
