"""Importing, porting in and releasing numbers, seen through the API."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cli import supply
from cli.pool_file import Entry
from cli.supply import SupplyError
from lambdas.management.ids import SystemIds
from lambdas.management.repository import Repository
from model.numbers import DELETION_QUEUE, PoolNumber
from model.tables import DUE, INVENTORY, PENDING, POOL, SORT_KEY
from tests.management.asset_runner import PARTS
from tests.management.local_api import Killed, LocalApi, local_api
from tests.management.stand import ROOMY
from tests.management.test_interruptions import kill_at, no_hook

OWN = "+12065550142"
GUIDE = Path(__file__).parents[2] / "docs" / "numbers.md"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


@pytest.fixture
def repository(api: LocalApi) -> Repository:
    return Repository.over(api.dynamodb, api.prefix, lambda seconds: None)


def entries(count: int) -> list[Entry]:
    """Return lines of a file: numbers of Seattle that are nowhere yet."""
    return [
        Entry(
            line,
            PoolNumber(
                e164=f"+1206555{line:04d}",
                number_type="Local",
                country="US",
                city="Seattle",
                state="WA",
            ),
        )
        for line in range(2, count + 2)
    ]


def path(number: str) -> str:
    return f"/phone-numbers/{quote(number, safe='')}"


def found(api: LocalApi) -> list[str]:
    target = "/search?type=phone-numbers&area-code=206&max-results=500"
    return list(api.made("GET", target)["E164PhoneNumbers"])


def bought(api: LocalApi, number: str) -> None:
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": [number]}
    api.made("POST", "/phone-number-orders", order)
    api.run_number_orders()


def port_in(api: LocalApi, repository: Repository, number: str = OWN, **members: str) -> Any:
    arguments: dict[str, Any] = {"name": "Ours", "product_type": "VoiceConnector"} | members
    return supply.port_in(repository, number, ids=SystemIds(), now=api.now, **arguments)


def owned(api: LocalApi) -> int:
    (count,) = [it["amount"] for it in api.numbers("count")]
    return int(count)


def test_imported_numbers_can_be_found_and_ordered(api: LocalApi, repository: Repository) -> None:
    # ARCHITECTURE A6, API PN4
    file = entries(2)
    verdict = supply.judged(repository, file)
    assert (list(verdict.new), verdict.known, list(verdict.problems)) == (file, 0, [])
    assert found(api) == []
    supply.offer(repository, verdict.new)
    assert found(api) == ["+12065550002", "+12065550003"]
    bought(api, "+12065550002")
    assert api.made("GET", path("+12065550002"))["PhoneNumber"]["Status"] == "Unassigned"


def test_what_is_here_already_is_told(api: LocalApi, repository: Repository) -> None:
    same, other, mine, queued, new = file = entries(5)
    supply.offer(repository, file[:4])
    for entry in (mine, queued):
        bought(api, entry.number.e164)
    api.made("DELETE", path(queued.number.e164))
    changed = other._replace(number=PoolNumber(e164=other.number.e164, number_type="Local",
                                               country="US"))  # fmt: skip
    verdict = supply.judged(repository, [same, changed, mine, queued, new])
    assert (list(verdict.new), verdict.known) == ([new], 1)
    assert [str(problem) for problem in verdict.problems] == [
        "line 3: +12065550003 is in the pool with other details",
        "line 4: +12065550004 is in the inventory already",
        "line 5: +12065550005 is in the inventory already",
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(3))
def test_an_import_that_was_cut_off_can_be_repeated(
    api: LocalApi, repository: Repository, write: int, moment: str
) -> None:
    # ARCHITECTURE A6: 120 numbers are three transactions
    file = entries(120)
    setattr(api, f"{moment}_call", kill_at(write))
    with pytest.raises(Killed):
        supply.offer(repository, supply.judged(repository, file).new)
    setattr(api, f"{moment}_call", no_hook)
    written = 50 * (write + (moment == "after"))
    assert len(found(api)) == min(written, 120)
    verdict = supply.judged(repository, file)
    assert (verdict.known, list(verdict.problems)) == (min(written, 120), [])
    supply.offer(repository, verdict.new)
    assert len(found(api)) == 120


def test_a_number_that_is_bought_meanwhile_is_not_offered_again(
    api: LocalApi, repository: Repository
) -> None:
    file = entries(2)
    supply.offer(repository, file[:1])
    bought(api, file[0].number.e164)
    with pytest.raises(SupplyError, match="lines 2 to 3 has"):
        supply.offer(repository, file)
    assert found(api) == []


def test_a_ported_number_has_an_order_of_its_own(api: LocalApi, repository: Repository) -> None:
    # API PN5
    made = port_in(api, repository)
    assert owned(api) == 1
    number = api.made("GET", path(OWN))["PhoneNumber"]
    assert (number["Status"], number["Name"], number["Type"]) == ("Unassigned", "Ours", "Local")
    assert (number["OrderId"], number["Country"]) == (made.order_id, "US")
    order = api.made("GET", f"/phone-number-orders/{made.order_id}")["PhoneNumberOrder"]
    assert (order["OrderType"], order["Status"]) == ("Porting", "Successful")
    assert order["OrderedPhoneNumbers"] == [{"E164PhoneNumber": OWN, "Status": "Acquired"}]
    assert api.made("GET", "/phone-number-orders")["PhoneNumberOrders"] == [order]
    assert api.numbers(PENDING) == []
    toll_free = port_in(api, repository, "+18005550142", product_type="SipMediaApplicationDialIn")
    assert toll_free.product_type == "SipMediaApplicationDialIn"
    assert api.made("GET", path("+18005550142"))["PhoneNumber"]["Type"] == "TollFree"


@pytest.mark.parametrize("number", ["abc", "+1206555014", "+19005550142"])
def test_what_is_no_number_of_a_connector_is_not_ported(
    api: LocalApi, repository: Repository, number: str
) -> None:
    with pytest.raises(SupplyError, match="no valid number"):
        port_in(api, repository, number)
    assert api.numbers(INVENTORY) == []


def test_what_is_here_already_is_not_ported(api: LocalApi, repository: Repository) -> None:
    supply.offer(repository, entries(1))
    with pytest.raises(SupplyError, match="in the pool or in the inventory already"):
        port_in(api, repository, "+12065550002")
    port_in(api, repository)
    with pytest.raises(SupplyError, match="already"):
        port_in(api, repository)
    assert owned(api) == 1
    assert len(api.made("GET", "/phone-number-orders")["PhoneNumberOrders"]) == 1


def test_a_ported_number_never_comes_into_the_pool(api: LocalApi, repository: Repository) -> None:
    # API PN7
    port_in(api, repository)
    before = api.numbers(POOL)
    api.made("DELETE", path(OWN))
    assert api.made("POST", f"{path(OWN)}?operation=restore")["PhoneNumber"]["Name"] == "Ours"
    api.made("DELETE", path(OWN))
    api.pass_time(DELETION_QUEUE)
    api.run_number_orders()
    assert api.numbers(POOL) == before
    assert api.numbers(INVENTORY) == api.numbers(DUE) == []
    assert api.call("GET", path(OWN))[0] == 404


def test_a_number_is_released_from_where_it_is(api: LocalApi, repository: Repository) -> None:
    # ARCHITECTURE A6, API PN6
    supply.offer(repository, entries(1))
    assert supply.release(repository, "+12065550002") == "pool"
    assert found(api) == []
    owns, queued = api.new_numbers(2)
    assert supply.release(repository, owns) == "inventory"
    assert owned(api) == 1
    api.made("DELETE", path(queued))
    assert owned(api) == 0
    assert supply.release(repository, queued) == "deletion queue"
    assert owned(api) == 0
    api.pass_time(DELETION_QUEUE + timedelta(days=1))
    api.run_number_orders()
    everywhere = {it[SORT_KEY] for it in api.numbers(INVENTORY) + api.numbers(POOL)}
    assert not {owns, queued, "+12065550002"} & everywhere
    assert api.numbers(DUE) == []


def test_the_rights_that_it_needs_are_those_of_the_guide(
    api: LocalApi, repository: Repository
) -> None:
    asked: set[str] = set()

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        parts = [part for item in params.get("TransactItems", []) for part in item]
        asked.update(PARTS[part] for part in parts)
        asked.update([] if parts else [model.name])

    api.dynamodb.meta.events.register("provide-client-params.dynamodb", note)
    file = entries(30)
    supply.offer(repository, supply.judged(repository, file).new)
    port_in(api, repository)
    for number in (OWN, "+12065550002"):
        supply.release(repository, number)
    (told,) = re.findall(r"rights on the table of numbers: (.*?)\.", GUIDE.read_text(), re.S)
    assert asked == set(re.findall(r"dynamodb:(\w+)", told))


def test_an_associated_or_unknown_number_is_not_released(
    api: LocalApi, repository: Repository
) -> None:
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    target = f"{connector}?operation=associate-phone-numbers"
    api.made("POST", target, {"E164PhoneNumbers": [number]})
    with pytest.raises(SupplyError, match="disassociate it"):
        supply.release(repository, number)
    with pytest.raises(SupplyError, match="not in this deployment"):
        supply.release(repository, OWN)
    assert api.made("GET", path(number))["PhoneNumber"]["Status"] == "Assigned"


def test_a_number_that_is_associated_meanwhile_is_not_released(
    api: LocalApi, repository: Repository
) -> None:
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    target = f"{connector}?operation=associate-phone-numbers"
    body = {"E164PhoneNumbers": [number]}
    rival = iter([lambda: api.made("POST", target, body)])

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    api.before_call = interfere
    with pytest.raises(SupplyError, match="changed meanwhile"):
        supply.release(repository, number)
    assert api.made("GET", path(number))["PhoneNumber"]["Status"] == "Assigned"
    assert owned(api) == 1
