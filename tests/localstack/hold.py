"""Holds a LocalStack for whoever wants to look around: `python -m tests.localstack.hold`."""

import shlex
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.localstack.server import LocalStackProblemError, chosen

_SHOWN = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ENDS = {signal.SIGINT, signal.SIGTERM}


def main() -> int:
    """Run until Ctrl-C; returns the exit code."""
    with TemporaryDirectory(prefix="ovc-localstack-") as folder:
        try:
            running = chosen()(Path(folder))
        except LocalStackProblemError as problem:
            sys.stderr.write(f"{problem}\n")
            return 1
        with running:
            for name in (*_SHOWN, *_REGION):
                sys.stdout.write(f"export {name}={shlex.quote(running.environment[name])}\n")
            sys.stdout.write("# LocalStack runs; Ctrl-C ends it and all that it holds\n")
            sys.stdout.flush()
            # Not before it was started: it would not hear of its own end.
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
            signal.sigwait(_ENDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
