"""Operations on phone number orders (API PN5).

An order is fulfilled while it is being created: before CreatePhoneNumberOrder answers, its numbers
have moved from the pool to the inventory. The answer shows the order as it was placed, Processing,
as clients expect; the next GetPhoneNumberOrder shows what became of it.
"""

from dataclasses import replace

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, NotFound, ResourceLimitExceeded
from lambdas.management.number_repository import NUMBERS_PER_TRANSACTION
from lambdas.management.order_repository import Outcome, PhoneNumberOrder
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import normalised
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, PoolNumber


def create_phone_number_order(context: Context, parameters: Parameters) -> Answer:
    """Order numbers of the pool and fulfil the order at once; all of them must be available."""
    wanted = _checked_numbers(context, parameters)
    pool = [_available(context, e164) for e164 in wanted]
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
    order = context.repository.orders.get(parameters.text("PhoneNumberOrderId"))
    if order is None:
        raise NotFound("The phone number order does not exist")
    return {"PhoneNumberOrder": _described(order)}


def list_phone_number_orders(context: Context, parameters: Parameters) -> Answer:
    """Return the orders in order of creation."""
    pager = Pager("orders", parameters, context.tokens)
    found = context.repository.orders.all(after=pager.after, batch=pager.size + 1)
    page, token = pager.page(found, lambda order: order.order_id)
    return {"PhoneNumberOrders": [_described(order) for order in page], "NextToken": token}


def _checked_numbers(context: Context, parameters: Parameters) -> list[str]:
    wanted = [
        number for text in parameters.texts("E164PhoneNumbers") if (number := normalised(text))
    ]
    if not wanted:
        raise BadRequest("E164PhoneNumbers is empty; at least one number is required")
    if len(set(wanted)) < len(wanted):
        raise BadRequest("E164PhoneNumbers holds a number twice; each may occur once")
    quota = context.settings.api.quotas.numbers
    if context.repository.numbers.inventory_size() + len(wanted) > quota:
        raise ResourceLimitExceeded(f"The order would exceed the quota of {quota} phone numbers")
    return wanted


def _available(context: Context, e164: str) -> PoolNumber:
    number = context.repository.numbers.orderable(e164)
    if number is None:
        raise BadRequest(f"E164PhoneNumbers holds {e164}, which is not available")
    return number


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
            context.repository.numbers.acquire(chunk)
        except Changed:
            # Another order took one of them since it was looked up: see which.
            outcomes |= {number.e164: _acquired(context, number) for number in chunk}
        else:
            outcomes |= dict.fromkeys((number.e164 for number in chunk), Outcome.ACQUIRED)
    return outcomes


def _acquired(context: Context, number: InventoryNumber) -> Outcome:
    try:
        context.repository.numbers.acquire([number])
    except Changed:
        return Outcome.FAILED
    return Outcome.ACQUIRED


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
