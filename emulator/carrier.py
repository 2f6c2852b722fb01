"""The simulated public network, as a process of its own: `python -m emulator.carrier` (A15).

It is a SIP peer like any carrier and is reached by SIP alone; only to make it call somebody there
is a control socket: one line of JSON in, one line out, on the loopback interface.
"""

import argparse
import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter

from edge.flow import Address
from emulator.process import address, run, run_until_orphaned
from emulator.pstn_plan import Plan, Sound, plan_of
from emulator.user_agent import UserAgent

RING_PATIENCE_S = 60.0
MAX_CALL_S = 3_600.0
_MAX_LINE = 4_096


class Control:
    """Takes orders to call."""

    def __init__(self, agent: UserAgent, edge: Address) -> None:
        self._agent = agent
        self._edge = edge

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take one order: `{"from", "to", "duration_s"}`; answer how the call ended."""
        try:
            line = await reader.readuntil(b"\n")
            writer.write((await self._call(line)).encode() + b"\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _call(self, line: bytes) -> str:
        try:
            order = json.loads(line)
            from_number, to_number = str(order["from"]), str(order["to"])
            duration_s = min(MAX_CALL_S, max(0.0, float(order["duration_s"])))
        except (ValueError, KeyError, TypeError) as error:
            return json.dumps({"error": f"the order cannot be read: {error}"})
        result = await self._agent.call(
            from_number=from_number,
            to_number=to_number,
            edge=self._edge,
            plan=Plan(sound=Sound.TONE, hang_up_after_s=duration_s),
            patience_s=RING_PATIENCE_S,
        )
        return result.to_json()


async def serve(sip: Address, control: Address, edge: Address) -> None:
    """Run the network until the process that started it is gone."""
    agent = UserAgent(sip, plan_of, "Simulated-PSTN")
    await agent.open()
    server = await asyncio.start_server(
        Control(agent, edge).serve, control[0], control[1], limit=_MAX_LINE
    )
    async with server:
        await run_until_orphaned("pstn")


def main() -> int:
    """Read the options and run; exit code 3 says that a port is in use."""
    parser = argparse.ArgumentParser(prog="python -m emulator.carrier", description=__doc__)
    parser.add_argument("--sip", type=address, required=True, help="IP:port for SIP over UDP")
    parser.add_argument("--control", type=address, required=True, help="IP:port for orders, TCP")
    parser.add_argument("--edge", type=address, required=True, help="IP:port of the edge")
    options = parser.parse_args()
    try:
        run(serve(options.sip, options.control, options.edge))
    except OSError as error:
        sys.stderr.write(f"the simulated network cannot start: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
