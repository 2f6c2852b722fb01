"""The edge as a task of a fleet: it asks ECS who it is, and yet is in lab mode.

That lets it talk to addresses of loopback; an edge that ECS runs refuses to start with it.
"""

import os
import sys

from edge.__main__ import read_secret, serve
from edge.runtime.log import JsonLines
from edge.runtime.node import METADATA_VARIABLE
from edge.settings import RuntimeSettings


def main() -> int:
    """Run it; the exit code is the edge's."""
    environ = {name: it for name, it in os.environ.items() if name != METADATA_VARIABLE}
    return serve(RuntimeSettings.from_environment(environ, read_secret), JsonLines())


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Not sys.exit(): that would wait for threads that ask a DNS server which does not answer.
    os._exit(status)
