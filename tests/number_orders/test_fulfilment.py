"""Orders on their way from the pool to the inventory, cut off and raced anywhere."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.number_orders.composition import WorkFailed
from model.feed_items import ChangedKey
from model.settings import ApiSettings, Quotas, Settings
from model.tables import INVENTORY, PENDING, POOL, SORT_KEY
from tests.management.local_api import Killed, LocalApi, local_api
from tests.management.test_interruptions import check_consistency, kill_at, no_hook

NUMBERS = 30
"""More than one transaction takes."""
WRITES_OF_AN_ORDER = 3
"""25 numbers, 5 numbers, the outcomes."""


def placed(api: LocalApi, numbers: list[str], **members: str) -> str:
    """Place an order that nobody fulfils yet and return its id."""
    document = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers} | members
    order = api.made("POST", "/phone-number-orders", document)["PhoneNumberOrder"]
    return str(order["PhoneNumberOrderId"])


def watched(api: LocalApi, order_id: str) -> Any:
    return api.made("GET", f"/phone-number-orders/{order_id}")["PhoneNumberOrder"]


def outcomes(order: Any) -> list[str]:
    return [it["Status"] for it in order["OrderedPhoneNumbers"]]


def test_an_order_is_processing_until_it_is_fulfilled(api: LocalApi) -> None:
    # API PN5 PN6
    numbers = api.available(2)
    order_id = placed(api, numbers, Name="Two lines")
    api.pass_time(timedelta(seconds=5))
    processing = watched(api, order_id)
    assert (processing["Status"], outcomes(processing)) == ("Processing", ["Processing"] * 2)
    assert processing["OrderType"] == "New"
    assert api.made("GET", "/phone-numbers")["PhoneNumbers"] == []
    assert api.available(2) == numbers
    api.run_number_orders()
    fulfilled = watched(api, order_id)
    assert (fulfilled["Status"], outcomes(fulfilled)) == ("Successful", ["Acquired"] * 2)
    assert fulfilled["UpdatedTimestamp"] > fulfilled["CreatedTimestamp"]
    owned = api.made("GET", "/phone-numbers")["PhoneNumbers"]
    assert [it["E164PhoneNumber"] for it in owned] == numbers
    assert {(it["OrderId"], it["Name"], it["Status"]) for it in owned} == {
        (order_id, "Two lines", "Unassigned")
    }
    assert api.numbers(PENDING) == []


def test_a_run_without_work_writes_nothing(api: LocalApi) -> None:
    operations: list[str] = []
    api.before_call = operations.append
    api.run_number_orders()
    assert operations == ["Query", "Query"]


def test_the_edge_is_told_of_new_numbers(api: LocalApi) -> None:
    # ARCHITECTURE A9
    (number,) = api.available(1)
    placed(api, [number])
    assert api.fed == []
    api.run_number_orders()
    assert api.fed == [ChangedKey("numbers", "inventory", number)]


@pytest.mark.parametrize(
    ("taken", "status"), [(1, "Partial"), (3, "Failed")], ids=["partial", "failed"]
)
def test_what_another_order_took_fails_for_itself(api: LocalApi, taken: int, status: str) -> None:
    # API PN5
    numbers = api.available(3)
    first, second = placed(api, numbers[:taken]), placed(api, numbers)
    api.run_number_orders()
    assert watched(api, first)["Status"] == "Successful"
    order = watched(api, second)
    assert order["Status"] == status
    assert outcomes(order) == ["Failed"] * taken + ["Acquired"] * (3 - taken)
    assert api.numbers(PENDING) == []
    check_consistency(api)


def test_what_is_taken_while_an_order_is_fulfilled_fails_for_itself(api: LocalApi) -> None:
    # API PN5: the number leaves the pool between its reading and its acquisition
    numbers = api.available(NUMBERS)
    order_id = placed(api, numbers)
    rival = iter([lambda: api.take_from_pool(numbers[3])])

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    api.before_call = interfere
    api.run_number_orders()
    order = watched(api, order_id)
    assert order["Status"] == "Partial"
    assert outcomes(order) == [
        "Failed" if number == numbers[3] else "Acquired" for number in numbers
    ]
    assert len(api.numbers(INVENTORY)) == NUMBERS - 1


def test_the_quota_holds_when_it_shrinks_while_an_order_waits() -> None:
    # API section 7
    with local_api(Settings(api=ApiSettings(quotas=Quotas(numbers=5)))) as api:
        numbers = api.available(5)
        order_id = placed(api, numbers)
        api.count_numbers(2)
        api.run_number_orders()
        order = watched(api, order_id)
        assert (order["Status"], outcomes(order).count("Acquired")) == ("Partial", 3)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(WRITES_OF_AN_ORDER))
def test_an_end_at_any_write_is_made_good_by_the_next_run(
    api: LocalApi, write: int, moment: str
) -> None:
    # API PN5
    numbers = api.available(NUMBERS)
    order_id = placed(api, numbers)
    setattr(api, f"{moment}_call", kill_at(write))
    with pytest.raises(Killed):
        api.run_number_orders()
    setattr(api, f"{moment}_call", no_hook)
    check_consistency(api)
    api.run_number_orders()
    order = watched(api, order_id)
    assert (order["Status"], outcomes(order)) == ("Successful", ["Acquired"] * NUMBERS)
    assert {it["order_id"] for it in api.numbers(INVENTORY)} == {order_id}
    assert api.numbers(PENDING) == []
    check_consistency(api)


@pytest.mark.parametrize("call", range(WRITES_OF_AN_ORDER - 1))
def test_of_two_runs_at_once_one_goes_on_alone(api: LocalApi, call: int) -> None:
    # API PN5: the other run does all of the order just before this one's n-th write
    numbers = api.available(NUMBERS)
    order_id = placed(api, numbers)
    other = once_at(call, api.run_number_orders)

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            other()

    api.before_call = interfere
    api.run_number_orders()
    order = watched(api, order_id)
    assert (order["Status"], outcomes(order)) == ("Successful", ["Acquired"] * NUMBERS)
    assert len(api.numbers(INVENTORY)) == NUMBERS
    assert api.numbers(PENDING) == []
    check_consistency(api)


def once_at(turn: int, act: Callable[[], None]) -> Callable[[], None]:
    """Return a hook that acts at its n-th call, counted from 0, and not within the act itself."""
    seen = iter(range(1_000))

    def hook() -> None:
        if next(seen) == turn:
            act()

    return hook


def test_a_number_that_an_overtaken_run_gave_up_is_never_stranded() -> None:
    # API PN5: this run finds the quota full, the other one acquires after there is room again
    with local_api(Settings(api=ApiSettings(quotas=Quotas(numbers=2)))) as api:
        (number,) = api.available(1)
        order_id = placed(api, [number])
        api.count_numbers(2)

        def make_room() -> None:
            api.count_numbers(-2)
            api.run_number_orders()

        # The second transaction writes the outcomes: by then the number has been given up.
        other = once_at(2, make_room)

        def interfere(operation: str) -> None:
            if operation == "TransactWriteItems":
                other()

        api.before_call = interfere
        api.run_number_orders()
        assert outcomes(watched(api, order_id)) == ["Acquired"]
        assert [it[SORT_KEY] for it in api.numbers(INVENTORY)] == [number]


def test_an_order_that_cannot_be_done_keeps_no_other_waiting(
    api: LocalApi, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (placed(api, [number]) for number in api.available(2))
    failures = iter([ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "x")])

    def fail_once(operation: str) -> None:
        if operation == "TransactWriteItems" and (error := next(failures, None)) is not None:
            raise error

    api.before_call = fail_once
    with caplog.at_level(logging.INFO, "number_orders"), pytest.raises(WorkFailed, match="1 th"):
        api.run_number_orders()
    assert "work failed" in caplog.text
    assert watched(api, first)["Status"] == "Processing"
    assert watched(api, second)["Status"] == "Successful"
    api.run_number_orders()
    assert watched(api, first)["Status"] == "Successful"


def test_pool_and_inventory_never_hold_the_same_number(api: LocalApi) -> None:
    placed(api, api.available(NUMBERS))
    seen: list[int] = []

    def look(operation: str) -> None:
        if operation == "TransactWriteItems":
            api.after_call = no_hook
            names = [it[SORT_KEY] for it in api.numbers(INVENTORY) + api.numbers(POOL)]
            assert len(names) == len(set(names))
            seen.append(len(names))
            api.after_call = look

    api.after_call = look
    api.run_number_orders()
    assert len(set(seen)) == 1
