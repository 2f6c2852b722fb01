"""Pages of a list, and the tokens between them, without any API around them (API V3)."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.management.errors import BadRequest
from lambdas.management.paging import DEFAULT_PAGE, Pager, PageTokens
from lambdas.management.parameters import Parameters
from lambdas.management.validation import Json

TOKENS = PageTokens(b"key of the first access key")
LISTING = "connectors"


def page_of(
    entries: list[str], token: str | None = None, size: int | None = None, listing: str = LISTING
) -> tuple[list[str], str | None]:
    """Return one page of a sorted list, as an operation makes it."""
    members: dict[str, Json] = {}
    if token is not None:
        members["NextToken"] = token
    if size is not None:
        members["MaxResults"] = size
    pager = Pager(listing, Parameters(members), TOKENS)
    behind = (entry for entry in sorted(entries) if entry > pager.after)
    return pager.page(behind, lambda entry: entry)


def pages_of(entries: list[str], size: int) -> Iterator[list[str]]:
    """Yield the pages that a client gets which follows the tokens."""
    page, token = page_of(entries, size=size)
    yield page
    while token is not None:
        page, token = page_of(entries, token, size)
        yield page


NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True)


@given(NAMES, st.integers(1, 20))
def test_following_the_tokens_gives_everything_once_and_in_order(
    entries: list[str], size: int
) -> None:
    pages = list(pages_of(entries, size))
    assert [entry for page in pages for entry in page] == sorted(entries)
    assert all(len(page) == size for page in pages[:-1])
    assert len(pages) == max(1, -(-len(entries) // size))


@pytest.mark.parametrize(
    ("count", "size", "has_more"), [(0, 1, False), (1, 1, False), (2, 1, True), (5, 5, False)]
)
def test_there_is_a_token_only_when_more_remains(count: int, size: int, has_more: bool) -> None:
    _, token = page_of([f"{number:03d}" for number in range(count)], size=size)
    assert (token is not None) is has_more


def test_a_page_has_a_hundred_entries_unless_the_client_says_otherwise() -> None:
    entries = [f"{number:03d}" for number in range(101)]
    page, token = page_of(entries)
    assert (DEFAULT_PAGE, len(page)) == (100, 100)
    assert page_of(entries, token) == (["100"], None)


def test_an_empty_token_is_no_token() -> None:
    assert page_of(["a", "b"], "", 1)[0] == ["a"]


def test_what_comes_and_goes_between_two_pages_moves_nothing_else() -> None:
    entries = ["a", "c", "e", "g"]
    page, token = page_of(entries, size=2)
    assert page == ["a", "c"]
    changed = ["b", "d", "e", "g"]  # a and the token's own c are gone, b and d are new
    assert page_of(changed, token, 2)[0] == ["d", "e"]


def test_no_more_is_read_than_one_entry_beyond_the_page() -> None:
    read: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            read.append(number)
            yield number
            number += 1

    pager = Pager(LISTING, Parameters({"MaxResults": 3}), TOKENS)
    page, token = pager.page(endless(), str)
    assert (page, read) == ([0, 1, 2], [0, 1, 2, 3])
    assert token is not None
    assert TOKENS.read(LISTING, token) == "2"


@given(st.text(), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_is_read_back(listing: str, position: str) -> None:
    listing = listing.encode("utf-8", "replace").decode()
    token = TOKENS.write(listing, position)
    assert TOKENS.read(listing, token) == position
    assert token.isascii()


def refused(tokens: PageTokens, listing: str, token: str) -> bool:
    """Tell whether a token is refused, with the words that a client sees."""
    try:
        tokens.read(listing, token)
    except BadRequest as error:
        assert "NextToken is not a token of this list" in str(error)
        return True
    return False


@pytest.mark.parametrize("listing", ["", "connector", "connectors ", "orders"])
def test_a_token_serves_no_other_list(listing: str) -> None:
    assert refused(TOKENS, listing, TOKENS.write(LISTING, "a"))


def test_a_token_serves_no_other_access_key() -> None:
    token = TOKENS.write(LISTING, "a")
    assert refused(PageTokens(b"key of another access key"), LISTING, token)


def test_a_position_cannot_lend_itself_to_another_list() -> None:
    """List and position are told apart in what is signed."""
    assert TOKENS.write("ab", "c")[:22] != TOKENS.write("a", "bc")[:22]


@given(at=st.integers(0, 200), letter=st.sampled_from("ABCDwxyz0189-_=+/ é"))
def test_a_changed_token_leads_nowhere_else(at: int, letter: str) -> None:
    token = TOKENS.write(LISTING, "position-1")
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    # The last letter holds bits that belong to no octet: such a token may say the same.
    assert refused(TOKENS, LISTING, changed) or TOKENS.read(LISTING, changed) == "position-1"


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(TOKENS, LISTING, text)
