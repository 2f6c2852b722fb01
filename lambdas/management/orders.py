"""Operations on phone number orders (API PN5).

An order is fulfilled while it is being created: before CreatePhoneNumberOrder answers, its numbers
have moved from the pool to the inventory. The answer shows the order as it was placed, Processing,
as clients expect; the next GetPhoneNumberOrder shows what became of it.

Numbers move in transactions, so that each is in the pool or in the inventory whatever happens. Only
the order's own outcomes come later: when the process ended before they were written, who reads the
order long enough afterwards settles it by what is in the inventory.
"""

from dataclasses import replace
from datetime import timedelta

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, NotFound, ResourceLimitExceeded
from lambdas.management.number_repository import NUMBERS_PER_TRANSACTION
from lambdas.management.order_repository import Outcome, PhoneNumberOrder
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import wanted_numbers
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, PoolNumber

FULFILLED_WITHIN = timedelta(minutes=2)
"""Twice as long as the function may run: after that nobody is fulfilling the order any more."""


def create_phone_number_order(context: Context, parameters: Parameters) -> Answer:
    """Order numbers of the pool and fulfil the order at once; all of them must be available."""
    wanted = _checked_numbers(context, parameters)
    pool = _available(context, wanted)
    order = PhoneNumberOrder(
        order_id=context.ids.order_id(),
        product_type=parameters.text("ProductType"),
        outcomes=dict.fromkeys(wanted, Outcome.PROCESSING),
        created_at=context.now,
        updated_at=context.now,
    )
    context.repository.orders.create(order)
    name = parameters.optional_text("Name")
    outcomes = _fulfil(context, [_bought(number, order, name) for number in pool])
    context.repository.orders.finish(replace(order, outcomes=outcomes))
    return {"PhoneNumberOrder": _described(order)}


def get_phone_number_order(context: Context, parameters: Parameters) -> Answer:
    """Return one order."""
    order_id = parameters.text("PhoneNumberOrderId")
    order = context.repository.orders.get(order_id)
    if order is None:
        raise NotFound(f"Phone number order {order_id} not found")
    return {"PhoneNumberOrder": _described(_settled(context, order))}


def list_phone_number_orders(context: Context, parameters: Parameters) -> Answer:
    """Return the orders in order of creation."""
    pager = Pager("orders", parameters, context.tokens)
    found = context.repository.orders.all(after=pager.after, batch=pager.size + 1)
    page, token = pager.page(found, lambda order: order.order_id)
    orders = [_described(_settled(context, order)) for order in page]
    return {"PhoneNumberOrders": orders, "NextToken": token}


def _checked_numbers(context: Context, parameters: Parameters) -> list[str]:
    wanted = wanted_numbers(parameters)
    if not wanted:
        raise BadRequest("E164PhoneNumbers is empty; at least one number is required")
    if len(set(wanted)) < len(wanted):
        raise BadRequest("E164PhoneNumbers holds a number twice; each may occur once")
    quota = context.settings.api.quotas.numbers
    if context.repository.numbers.inventory_size() + len(wanted) > quota:
        raise ResourceLimitExceeded(f"The order would exceed the quota of {quota} phone numbers")
    return wanted


def _available(context: Context, wanted: list[str]) -> list[PoolNumber]:
    pool = context.repository.numbers.orderable(wanted)
    for e164 in wanted:
        if e164 not in pool:
            raise BadRequest(f"E164PhoneNumbers holds {e164}, which is not available")
    return [pool[e164] for e164 in wanted]


def _bought(number: PoolNumber, order: PhoneNumberOrder, name: str | None) -> InventoryNumber:
    return InventoryNumber(
        e164=number.e164,
        number_type=number.number_type,
        product_type=order.product_type,
        country=number.country,
        created_at=order.created_at,
        updated_at=order.created_at,
        order_id=order.order_id,
        name=name,
    )


def _fulfil(context: Context, numbers: list[InventoryNumber]) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for start in range(0, len(numbers), NUMBERS_PER_TRANSACTION):
        chunk = numbers[start : start + NUMBERS_PER_TRANSACTION]
        try:
            _acquire(context, chunk)
        except Changed:
            # Another order took one of them, or the quota's rest, since it was looked up.
            outcomes |= {number.e164: _acquired(context, number) for number in chunk}
        else:
            outcomes |= dict.fromkeys((number.e164 for number in chunk), Outcome.ACQUIRED)
    return outcomes


def _acquire(context: Context, numbers: list[InventoryNumber]) -> None:
    context.repository.numbers.acquire(numbers, at_most=context.settings.api.quotas.numbers)


def _acquired(context: Context, number: InventoryNumber) -> Outcome:
    try:
        _acquire(context, [number])
    except Changed:
        return Outcome.FAILED
    return Outcome.ACQUIRED


def _settled(context: Context, order: PhoneNumberOrder) -> PhoneNumberOrder:
    """Return the order, with its outcomes written down if its fulfilment was cut off."""
    if not order.is_processing or context.now - order.created_at < FULFILLED_WITHIN:
        return order
    owned = context.repository.numbers.owned(order.outcomes)
    mine = {e164 for e164, number in owned.items() if number.order_id == order.order_id}
    outcomes = {
        e164: Outcome.ACQUIRED if e164 in mine else Outcome.FAILED for e164 in order.outcomes
    }
    settled = replace(order, outcomes=outcomes, updated_at=context.now)
    context.repository.orders.finish(settled)
    return settled


def _described(order: PhoneNumberOrder) -> Answer:
    return {
        "PhoneNumberOrderId": order.order_id,
        "ProductType": order.product_type,
        "Status": order.status,
        "OrderType": "New",
        "OrderedPhoneNumbers": [
            {"E164PhoneNumber": e164, "Status": outcome.value}
            for e164, outcome in order.outcomes.items()
        ],
        "CreatedTimestamp": order.created_at,
        "UpdatedTimestamp": order.updated_at,
    }
