"""The keys of records, listed so that S3 tells of few that are not wanted.

A key begins with its connector and goes on with the start of the call (EDGE C1): of one connector
they are in the order of time, so that a span of it is one stretch of the list, however much lies
before and after it. Connectors come one after the other; the first pages of the next ones are
fetched meanwhile.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from datetime import datetime

from cli.records.ahead import ahead
from cli.records.bucket import Listed, Page, RecordBucket
from cli.records.wanted import Wanted

CONNECTORS_AHEAD = 8


class RecordListing:
    """What a bucket holds of the wanted kind: keys of records, and of what lies among them."""

    def __init__(self, bucket: RecordBucket, key_prefix: str, wanted: Wanted) -> None:
        self._bucket = bucket
        self._top = f"{key_prefix}/"
        self._wanted = wanted
        self.connectors = 0
        """How many there are, as far as that is known."""
        self.connectors_done = 0
        self.connector_share = 0.0
        """How much of the connector that is being listed is done, from 0 to 1."""

    def objects(self, pool: Executor) -> Iterator[Listed]:
        """Yield the objects, connector by connector and in the order of time."""
        folders: list[str] = []
        if self._wanted.connector_id is not None:
            folders.append(f"{self._top}{self._wanted.connector_id}/")
        else:
            for found in self._bucket.folders(self._top):
                if isinstance(found, Listed):
                    yield found  # an object that no connector has
                else:
                    folders.append(found)
        self.connectors = len(folders)
        firsts = ahead(pool, self._first, folders, CONNECTORS_AHEAD)
        for folder, first in zip(folders, firsts, strict=True):
            for listed in self._stretch(folder, first):
                self.connector_share = self._share(listed.key, folder)
                yield listed
            self.connectors_done += 1
            self.connector_share = 0.0

    def _first(self, folder: str) -> Page:
        since = self._wanted.since
        after = "" if since is None else folder + _stamp(since)
        return self._bucket.page(folder, after=after)

    def _stretch(self, folder: str, page: Page) -> Iterator[Listed]:
        """Yield what a connector has, to the end of the wanted time."""
        before = self._wanted.before
        end = None if before is None else folder + _stamp(before)
        while True:
            for listed in page.objects:
                if end is not None and listed.key >= end:
                    return
                yield listed
            if page.token is None:
                return
            page = self._bucket.page(folder, token=page.token)

    def _share(self, key: str, folder: str) -> float:
        """Return how much of the wanted time lies before a key; 0 where there is no such time."""
        since, before = self._wanted.since, self._wanted.before
        if since is None or before is None:
            return 0.0
        try:
            day = datetime.strptime(key[len(folder) :][:10], "%Y/%m/%d").replace(
                tzinfo=since.tzinfo
            )
        except ValueError:
            return 0.0
        return min(1.0, max(0.0, (day - since) / (before - since)))


def _stamp(moment: datetime) -> str:
    """Return what the keys of a moment go on with; they all come behind it (EDGE C1)."""
    return f"{moment:%Y/%m/%d/%H.%M.%S}.{moment.microsecond // 1000:03d}"
