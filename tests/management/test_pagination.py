"""Every list, page by page: sizes, order, tokens; no socket."""

import string
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from lambdas.management.errors import BadRequest
from lambdas.management.paging import DEFAULT_PAGE, PageTokens
from model.codec import encode_item
from model.number_items import number_members
from model.numbers import InventoryNumber
from model.tables import NUMBERS
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

ENTRIES = 5
AREA = "/search?type=phone-numbers&area-code=415"


class Listing(NamedTuple):
    """A list that pages."""

    target: str
    """Path and query without the parameters of paging."""
    member: str
    """Of the answer."""
    identifier: str
    """Member of an entry that names it; empty for a list of plain texts."""
    most: int
    """Largest page."""

    def page(self, api: LocalApi, **paging: object) -> tuple[list[str], str | None]:
        """Return the names on a page, and the token of the next one."""
        status, answer = self.ask(api, **paging)
        assert status == 200, answer
        entries = answer[self.member]
        names = [entry[self.identifier] for entry in entries] if self.identifier else entries
        return names, answer.get("NextToken")

    def ask(self, api: LocalApi, **paging: object) -> tuple[int, Any]:
        """Return status and answer."""
        names = {"size": "max-results", "token": "next-token"}
        pairs = [f"{names[name]}={quote(str(value), safe='')}" for name, value in paging.items()]
        separator = "&" if "?" in self.target else "?"
        return api.call("GET", self.target + separator + "&".join(pairs))

    def walk(self, api: LocalApi, size: int) -> list[list[str]]:
        """Return all pages of a size."""
        page, token = self.page(api, size=size)
        pages = [page]
        while token is not None:
            page, token = self.page(api, size=size, token=token)
            pages.append(page)
        return pages


LISTINGS = {
    "connectors": Listing("/voice-connectors", "VoiceConnectors", "VoiceConnectorId", 100),
    "numbers": Listing("/phone-numbers", "PhoneNumbers", "E164PhoneNumber", 100),
    "filtered": Listing("/phone-numbers?status=Unassigned", "PhoneNumbers", "PhoneNumberId", 100),
    "groups": Listing(
        "/voice-connector-groups", "VoiceConnectorGroups", "VoiceConnectorGroupId", 100
    ),
    "orders": Listing("/phone-number-orders", "PhoneNumberOrders", "PhoneNumberOrderId", 100),
    "search": Listing(AREA, "E164PhoneNumbers", "", 500),
}

every_list = pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS.keys())


def make_entry(api: LocalApi) -> None:
    """Make a connector, a group, an order and a number."""
    api.new_connector()
    api.made("POST", "/voice-connector-groups", {"Name": "group"})
    api.new_numbers(1)
    api.pass_time(timedelta(milliseconds=1))


@pytest.fixture(scope="module")
def api() -> Iterator[LocalApi]:
    """An API with a few of everything; the tests that share it change nothing."""
    with local_api(ROOMY) as made:
        for _ in range(ENTRIES):
            make_entry(made)
        yield made


@every_list
def test_pages_of_any_size_make_up_the_whole_list(api: LocalApi, listing: Listing) -> None:
    # API V3
    whole, token = listing.page(api, size=listing.most)
    assert token is None
    assert len(set(whole)) == len(whole) >= ENTRIES
    for size in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
        if size > listing.most:
            continue
        pages = listing.walk(api, size)
        assert [name for page in pages for name in page] == whole
        # Only the last page may be short, and none is empty.
        assert all(len(page) == size for page in pages[:-1])
        assert 0 < len(pages[-1]) <= size


@every_list
def test_a_page_size_has_bounds(api: LocalApi, listing: Listing) -> None:
    # API V3 V1
    for size, rule in ((0, "at least 1"), (listing.most + 1, f"at most {listing.most}")):
        status, answer = listing.ask(api, size=size)
        assert (status, answer["Code"]) == (400, "BadRequest")
        assert answer["Message"].startswith(f"MaxResults is {size}; {rule}")
    for junk in ("", "x", "1e1", " 1", "-"):
        assert listing.ask(api, size=junk)[0] == 400


@every_list
def test_a_token_serves_again_and_an_empty_one_is_none(api: LocalApi, listing: Listing) -> None:
    # API V3
    first, token = listing.page(api, size=2)
    assert listing.page(api, size=2, token=token) == listing.page(api, size=2, token=token)
    assert listing.page(api, size=2, token="") == (first, token)


def altered(token: str) -> Iterator[str]:
    """Yield what a token may become on its way."""
    digits = string.ascii_letters + string.digits + "-_="
    for place, digit in enumerate(token):
        other = digits[(digits.index(digit) + 1) % len(digits)]
        yield token[:place] + other + token[place + 1 :]
    yield from (token[:-1], token[1:], token + "A", token + "=", token * 2, "A" + token)
    yield from (token + "\n", f" {token}", token.replace("=", "") + "!", "*", "\u00e9", "\x00")
    yield from ("A" * 65_535, "A" * 65_536)


@every_list
def test_a_changed_token_is_refused(api: LocalApi, listing: Listing) -> None:
    # API V3
    _, token = listing.page(api, size=1)
    assert token is not None
    for change in altered(token):
        status, answer = listing.ask(api, size=1, token=change)
        assert (status, answer["Code"]) == (400, "BadRequest"), change
        assert answer["Message"].startswith("NextToken")


def test_a_token_belongs_to_one_list(api: LocalApi) -> None:
    # API V3: also other filters make another list
    others = {
        **LISTINGS,
        "other status": LISTINGS["numbers"]._replace(target="/phone-numbers?status=Assigned"),
        "other area": LISTINGS["search"]._replace(target=AREA.replace("415", "213")),
    }
    tokens = {name: listing.page(api, size=1)[1] for name, listing in LISTINGS.items()}
    for source, token in tokens.items():
        for name, listing in others.items():
            assert listing.ask(api, size=1, token=token)[0] == (200 if name == source else 400)


def test_a_token_belongs_to_one_access_key() -> None:
    # API V3
    mine, others = PageTokens(b"mine"), PageTokens(b"another's")
    token = mine.write("numbers", "+12065550100")
    assert mine.read("numbers", token) == "+12065550100"
    with pytest.raises(BadRequest, match="NextToken"):
        others.read("numbers", token)


def test_a_page_without_a_size_has_a_hundred_entries() -> None:
    # API V3
    with local_api(ROOMY) as fresh:
        for line in range(DEFAULT_PAGE + 1):
            number = InventoryNumber(
                e164=f"+1206555{line:04d}",
                number_type="Local",
                product_type="VoiceConnector",
                country="US",
                created_at=fresh.now,
                updated_at=fresh.now,
            )
            fresh.dynamodb.put_item(
                TableName=NUMBERS.physical_name(fresh.prefix),
                Item=encode_item(number_members(number)),
            )
        page, token = LISTINGS["numbers"].page(fresh)
        assert len(page) == DEFAULT_PAGE == 100
        assert LISTINGS["numbers"].page(fresh, token=token) == (["+12065550100"], None)


def test_what_comes_and_goes_between_two_pages_moves_nothing_else() -> None:
    # API V3: whatever was there all the time is listed exactly once
    with local_api(ROOMY) as api:
        for _ in range(3):
            make_entry(api)
        listing = LISTINGS["connectors"]
        (first, gone), token = listing.page(api, size=2)
        api.made("DELETE", f"/voice-connectors/{gone}")
        make_entry(api)
        last_but_one, token = listing.page(api, size=1, token=token)
        last, token = listing.page(api, size=1, token=token)
        assert token is None
        whole, _ = listing.page(api)
        assert [first, *last_but_one, *last] == whole
        assert gone not in whole and len(whole) == 3
        bought, token = LISTINGS["orders"].page(api, size=2)
        make_entry(api)
        after, _ = LISTINGS["orders"].page(api, token=token)
        assert bought + after == LISTINGS["orders"].page(api)[0]
