"""Deleting numbers, the deletion queue, restoring, purging, with a clock to turn."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from model.numbers import DELETION_QUEUE
from model.settings import ApiSettings, Quotas, Settings
from model.tables import COUNT, DUE, INVENTORY, POOL, SORT_KEY
from tests.management.local_api import Killed, LocalApi, local_api
from tests.management.stand import ROOMY
from tests.management.test_interruptions import check_consistency, kill_at, no_hook

MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


def path(number: str) -> str:
    return f"/phone-numbers/{quote(number, safe='')}"


def read(api: LocalApi, number: str) -> Any:
    return api.made("GET", path(number))["PhoneNumber"]


def listed(api: LocalApi, status: str) -> list[str]:
    found = api.made("GET", f"/phone-numbers?status={status}")["PhoneNumbers"]
    return [number["E164PhoneNumber"] for number in found]


def restore(api: LocalApi, number: str) -> tuple[int, Any]:
    return api.call("POST", f"{path(number)}?operation=restore")


def batch_delete(api: LocalApi, ids: list[str]) -> dict[str, str]:
    answer = api.made("POST", "/phone-numbers?operation=batch-delete", {"PhoneNumberIds": ids})
    return {error["PhoneNumberId"]: error["ErrorCode"] for error in answer["PhoneNumberErrors"]}


def associate(api: LocalApi, connector: str, numbers: list[str]) -> list[dict[str, str]]:
    target = f"{connector}?operation=associate-phone-numbers"
    errors: list[dict[str, str]] = api.made("POST", target, {"E164PhoneNumbers": numbers})[
        "PhoneNumberErrors"
    ]
    return errors


def owned(api: LocalApi) -> int:
    (count,) = [it["amount"] for it in api.numbers(COUNT) if it[SORT_KEY] == INVENTORY]
    return int(count)


def test_a_deleted_number_waits_in_the_queue_and_can_be_restored(api: LocalApi) -> None:
    # API PN6 PN7
    number, other = api.new_numbers(2)
    api.pass_time(timedelta(hours=1))
    assert api.call("DELETE", path(number)) == (204, None)
    deleted = read(api, number)
    assert deleted["Status"] == "DeleteInProgress"
    assert deleted["DeletionTimestamp"] == deleted["UpdatedTimestamp"] == "2026-01-02T04:04:05.000Z"
    assert listed(api, "DeleteInProgress") == [number]
    assert listed(api, "Unassigned") == [other]
    assert number not in api.available(500)
    api.pass_time(timedelta(hours=1))
    status, answer = restore(api, number)
    assert status == 200
    assert answer["PhoneNumber"] == read(api, number)
    assert answer["PhoneNumber"]["Status"] == "Unassigned"
    assert answer["PhoneNumber"]["Associations"] == []
    assert answer["PhoneNumber"]["UpdatedTimestamp"] == "2026-01-02T05:04:05.000Z"
    assert "DeletionTimestamp" not in answer["PhoneNumber"]
    assert api.numbers(DUE) == []
    check_consistency(api)


def test_a_number_in_the_queue_cannot_be_used(api: LocalApi) -> None:
    # API PN7 PN9 PN11
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    api.made("DELETE", path(number))
    before = read(api, number)
    status, answer = api.call("DELETE", path(number))
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert "deletion queue" in answer["Message"]
    for change in ({"Name": "x"}, {"CallingName": "ACME"}, {"ProductType": "VoiceConnector"}):
        status, answer = api.call("POST", path(number), change)
        assert (status, answer["Code"]) == (400, "BadRequest"), change
    (error,) = associate(api, connector, [number])
    assert (error["ErrorCode"], "deletion queue" in error["ErrorMessage"]) == ("BadRequest", True)
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": [number]}
    assert api.call("POST", "/phone-number-orders", order)[0] == 400
    assert read(api, number) == before


def test_an_association_that_loses_to_a_deletion_leaves_the_number_alone(api: LocalApi) -> None:
    # API PN9: the number is deleted between its reading and its writing
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    rival = iter([lambda: api.made("DELETE", path(number))])

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    api.before_call = interfere
    assert [error["ErrorCode"] for error in associate(api, connector, [number])] == ["BadRequest"]
    assert read(api, number)["Status"] == "DeleteInProgress"
    check_consistency(api)


def test_an_assigned_number_is_not_deleted(api: LocalApi) -> None:
    # API PN7
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    assert associate(api, connector, [number]) == []
    status, answer = api.call("DELETE", path(number))
    assert (status, answer["Code"]) == (400, "PhoneNumberAssociationsExist")
    assert read(api, number)["Status"] == "Assigned"
    check_consistency(api)


def test_each_number_of_a_batch_is_judged_for_itself(api: LocalApi) -> None:
    # API PN8 PN1
    connector = api.new_connector()
    numbers = api.new_numbers(30)
    associate(api, connector, numbers[:1])
    api.made("DELETE", path(numbers[1]))
    unknown = "+14155550123"
    forms = [numbers[2].replace("+", "%2B"), numbers[3].removeprefix("+"), *numbers[4:]]
    errors = batch_delete(api, [*numbers[:2], *forms, numbers[4], unknown, "abc"])
    assert errors == {
        quote(numbers[0], safe=""): "PhoneNumberAssociationsExist",
        quote(numbers[1], safe=""): "BadRequest",
        quote(unknown, safe=""): "NotFound",
        "abc": "NotFound",
    }
    assert listed(api, "DeleteInProgress") == numbers[1:]
    assert batch_delete(api, ["+1"]) == {"%2B1": "NotFound"}
    check_consistency(api)


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_batch_with_a_blank_id_is_refused_whole(api: LocalApi, blank: str) -> None:
    # API PN8 V1
    (number,) = api.new_numbers(1)
    target = "/phone-numbers?operation=batch-delete"
    status, answer = api.call("POST", target, {"PhoneNumberIds": [number, blank]})
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert answer["Message"].startswith("PhoneNumberIds[1] is ")
    path = f"/phone-numbers/{number.replace('+', '%2B')}"
    assert api.made("GET", path)["PhoneNumber"]["Status"] == "Unassigned"


def test_a_batch_has_a_least_and_a_most_of_numbers(api: LocalApi) -> None:
    # API PN8 V1
    target = "/phone-numbers?operation=batch-delete"
    status, answer = api.call("POST", target, {"PhoneNumberIds": []})
    assert (status, answer["Code"]) == (400, "BadRequest")
    most = [f"+1206{n:07d}" for n in range(10_000)]
    assert set(batch_delete(api, most).values()) == {"NotFound"}
    status, answer = api.call("POST", target, {"PhoneNumberIds": [*most, "+14155550123"]})
    message = "PhoneNumberIds has 10001 entries; at most 10000 is allowed"
    assert (status, answer["Message"]) == (400, message)


@pytest.mark.parametrize("unknown", ["+14155550123", "abc", "%2B", "+1" + "2" * 2_000])
@pytest.mark.parametrize("operation", ["DELETE", "restore"])
def test_an_unknown_number_is_not_found(api: LocalApi, unknown: str, operation: str) -> None:
    # API PN7 PN1
    if operation == "DELETE":
        status, answer = api.call("DELETE", path(unknown))
    else:
        status, answer = restore(api, unknown)
    assert (status, answer["Code"]) == (404, "NotFound")


def test_what_was_not_deleted_cannot_be_restored(api: LocalApi) -> None:
    # API PN7
    (number,) = api.new_numbers(1)
    status, answer = restore(api, number)
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert "nothing to restore" in answer["Message"]


def test_the_queue_does_not_count_against_the_quota() -> None:
    # API PN7, section 7
    with local_api(Settings(api=ApiSettings(quotas=Quotas(numbers=2)))) as api:
        first, _ = api.new_numbers(2)
        api.made("DELETE", path(first))
        assert owned(api) == 1
        (third,) = api.new_numbers(1)
        status, answer = restore(api, first)
        assert (status, answer["Code"]) == (400, "ResourceLimitExceeded")
        assert "quota of 2" in answer["Message"]
        assert read(api, first)["Status"] == "DeleteInProgress"
        api.made("DELETE", path(third))
        assert restore(api, first)[0] == 200
        assert owned(api) == 2
        check_consistency(api)


def test_the_purge_comes_after_exactly_seven_days(api: LocalApi) -> None:
    # API PN7
    numbers = api.new_numbers(2)
    before = {it[SORT_KEY]: it for it in api.numbers(POOL)}
    api.made("DELETE", path(numbers[0]))
    api.pass_time(MOMENT)
    api.made("DELETE", path(numbers[1]))
    api.pass_time(DELETION_QUEUE - 2 * MOMENT)
    api.run_number_orders()
    assert listed(api, "DeleteInProgress") == numbers
    api.pass_time(MOMENT)
    assert restore(api, numbers[0])[0] == 404
    api.run_number_orders()
    assert listed(api, "DeleteInProgress") == numbers[1:]
    assert api.call("GET", path(numbers[0]))[0] == 404
    assert restore(api, numbers[1])[0] == 200
    api.pass_time(timedelta(days=30))
    api.run_number_orders()
    assert read(api, numbers[1])["Status"] == "Unassigned"
    added = [it for it in api.numbers(POOL) if it[SORT_KEY] not in before]
    assert [it[SORT_KEY] for it in added] == numbers[:1]
    check_consistency(api)


def test_a_purged_number_is_found_and_ordered_as_before(api: LocalApi) -> None:
    # API PN7 PN4: the pool's item is what it was
    supply = {it[SORT_KEY]: it for it in api.numbers(POOL)}
    numbers = api.new_numbers(3)
    assert batch_delete(api, numbers) == {}
    api.pass_time(DELETION_QUEUE)
    api.run_number_orders()
    assert {it[SORT_KEY]: it for it in api.numbers(POOL)} == supply
    assert api.new_numbers(3) == numbers
    assert "DeletionTimestamp" not in read(api, numbers[0])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(3))
def test_an_end_while_purging_is_made_good_by_the_next_run(
    api: LocalApi, write: int, moment: str
) -> None:
    # API PN7
    numbers = api.new_numbers(3)
    batch_delete(api, numbers)
    api.pass_time(DELETION_QUEUE)
    setattr(api, f"{moment}_call", kill_at(write))
    with pytest.raises(Killed):
        api.run_number_orders()
    setattr(api, f"{moment}_call", no_hook)
    check_consistency(api)
    api.run_number_orders()
    assert api.numbers(INVENTORY) == api.numbers(DUE) == []
    check_consistency(api)


def interfering(api: LocalApi, act: Callable[[], object]) -> Callable[[str], None]:
    """Return a hook that acts once, just before a transaction."""
    rival = iter([act])

    def hook(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    return hook


def test_two_runs_that_purge_at_once_do_it_once(api: LocalApi) -> None:
    # API PN7
    batch_delete(api, api.new_numbers(2))
    api.pass_time(DELETION_QUEUE)
    api.before_call = interfering(api, api.run_number_orders)
    api.run_number_orders()
    assert api.numbers(INVENTORY) == api.numbers(DUE) == []
    check_consistency(api)


def test_a_number_that_is_restored_at_the_last_moment_is_not_purged(api: LocalApi) -> None:
    # API PN7: this run has found the number due, but the clock of the API is behind
    (number,) = api.new_numbers(1)
    api.made("DELETE", path(number))

    def restored_in_time() -> None:
        api.pass_time(-DELETION_QUEUE)
        assert restore(api, number)[0] == 200

    api.pass_time(DELETION_QUEUE)
    api.before_call = interfering(api, restored_in_time)
    api.run_number_orders()
    assert read(api, number)["Status"] == "Unassigned"
    assert api.numbers(DUE) == []
    check_consistency(api)


def test_two_restorations_at_once_count_once(api: LocalApi) -> None:
    # API PN7
    (number,) = api.new_numbers(1)
    api.made("DELETE", path(number))
    api.before_call = interfering(api, lambda: restore(api, number))
    assert restore(api, number)[0] == 400
    assert owned(api) == 1
    check_consistency(api)
