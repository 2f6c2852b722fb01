"""The thread of the AWS worker that looks at the configuration again and again.

The last good answer stands: while DynamoDB is away nothing is sent, and the edge goes on with what
it knows (A9).
"""

import time
from collections.abc import Callable

from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.runtime.snapshot_reader import SnapshotReader
from edge.seam import ConfigChanged, ConfigLoaded

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 5.0


def follow_configuration(
    reader: SnapshotReader,
    *,
    poll_interval_s: float,
    publish: Callable[[list[ConfigLoaded | ConfigChanged]], None],
    log: Logger,
) -> None:
    """Publish all news, for ever; one log line when DynamoDB goes, one when it is back."""
    backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
    away_since: float | None = None
    while True:
        wait_s = poll_interval_s
        try:
            news = reader.changed()
        except Exception as error:
            # Not only botocore's errors: a thread that ended would leave the edge stale, unseen.
            wait_s = backoff.next_s()
            if away_since is None:
                away_since = time.monotonic()
                log("database-away", {"error": str(error)})
        else:
            backoff.reset()
            if away_since is not None:
                log("database-back", {"away_s": round(time.monotonic() - away_since, 1)})
                away_since = None
            if news:
                publish(news)
        time.sleep(wait_s)
