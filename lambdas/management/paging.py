"""Pages of a list and the opaque tokens between them (API V3).

A token holds the last position of a page and a MAC over it and the list it belongs to. The MAC's
key is derived from the secret of the access key that asked: a token serves that key only, and dies
with it; nothing has to be stored.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from lambdas.management.errors import BadRequest
from lambdas.management.parameters import Parameters

T = TypeVar("T")

DEFAULT_PAGE = 100
_MAC_BYTES = 16


class PageTokens:
    """Writes and reads tokens of one access key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, listing: str, position: str) -> str:
        """Return a token for what follows `position` in a list."""
        content = position.encode()
        return base64.urlsafe_b64encode(self._mac(listing, content) + content).decode()

    def read(self, listing: str, token: str) -> str:
        """Return the position of a token; raises BadRequest for any other text."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise _bad_token() from error
        mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if base64.urlsafe_b64encode(raw) != token.encode():
            # The last digit of base64 has bits that decoding leaves out.
            raise _bad_token()
        if not hmac.compare_digest(mac, self._mac(listing, content)):
            raise _bad_token()
        return content.decode()

    def _mac(self, listing: str, content: bytes) -> bytes:
        message = listing.encode() + b"\0" + content
        return hmac.digest(self._key, message, hashlib.sha256)[:_MAC_BYTES]


class Pager:
    """One page of one list, as the request's MaxResults and NextToken ask for it."""

    def __init__(self, listing: str, parameters: Parameters, tokens: PageTokens) -> None:
        token = parameters.optional_text("NextToken")
        self._listing = listing
        self._tokens = tokens
        self.size = parameters.whole("MaxResults", DEFAULT_PAGE)
        """Most entries that the page may have."""
        self.after = "" if token is None else tokens.read(listing, token)
        """Position of the last entry of the page before; empty for the first page."""

    def page(
        self, entries: Iterable[T], position_of: Callable[[T], str]
    ) -> tuple[list[T], str | None]:
        """Return the page and the token of the next one, None when nothing more remains.

        `entries` begin behind `after`.
        """
        taken = list(islice(entries, self.size + 1))
        page = taken[: self.size]
        if len(taken) <= self.size:
            return page, None
        return page, self._tokens.write(self._listing, position_of(page[-1]))


def _bad_token() -> BadRequest:
    return BadRequest("NextToken is not a token of this list; start again without one")
