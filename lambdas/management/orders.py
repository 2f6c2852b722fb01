"""Operations on phone number orders (API PN5).

CreatePhoneNumberOrder only checks and writes the order, together with an item that says that it is
to be fulfilled: the number_orders Lambda does that. Until then the pool still holds the numbers.
"""

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, NotFound, ResourceLimitExceeded
from lambdas.management.order_repository import Outcome, PhoneNumberOrder
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import wanted_numbers
from lambdas.management.wire import Answer


def create_phone_number_order(context: Context, parameters: Parameters) -> Answer:
    """Order numbers of the pool; all of them must be available."""
    wanted = _checked_numbers(context, parameters)
    order = PhoneNumberOrder(
        order_id=context.ids.order_id(),
        product_type=parameters.text("ProductType"),
        outcomes=dict.fromkeys(wanted, Outcome.PROCESSING),
        created_at=context.now,
        updated_at=context.now,
        name=parameters.optional_text("Name"),
    )
    context.repository.orders.create(order)
    return {"PhoneNumberOrder": _described(order)}


def get_phone_number_order(context: Context, parameters: Parameters) -> Answer:
    """Return one order."""
    order_id = parameters.text("PhoneNumberOrderId")
    order = context.repository.orders.get(order_id)
    if order is None:
        raise NotFound(f"Phone number order {order_id} not found")
    return {"PhoneNumberOrder": _described(order)}


def list_phone_number_orders(context: Context, parameters: Parameters) -> Answer:
    """Return the orders in order of creation."""
    pager = Pager("orders", parameters, context.tokens)
    found = context.repository.orders.all(after=pager.after, batch=pager.size + 1)
    page, token = pager.page(found, lambda order: order.order_id)
    return {"PhoneNumberOrders": [_described(order) for order in page], "NextToken": token}


def _checked_numbers(context: Context, parameters: Parameters) -> list[str]:
    wanted = wanted_numbers(parameters)
    if not wanted:
        raise BadRequest("E164PhoneNumbers is empty; at least one number is required")
    if len(set(wanted)) < len(wanted):
        raise BadRequest("E164PhoneNumbers holds a number twice; each may occur once")
    quota = context.settings.api.quotas.numbers
    promised = sum(pending.amount for pending in context.repository.pending.all())
    if context.repository.numbers.inventory_size() + promised + len(wanted) > quota:
        raise ResourceLimitExceeded(f"The order would exceed the quota of {quota} phone numbers")
    pool = context.repository.numbers.orderable(wanted)
    for e164 in wanted:
        if e164 not in pool:
            raise BadRequest(f"E164PhoneNumbers holds {e164}, which is not available")
    return wanted


def _described(order: PhoneNumberOrder) -> Answer:
    return {
        "PhoneNumberOrderId": order.order_id,
        "ProductType": order.product_type,
        "Status": order.status,
        "OrderType": order.order_type.value,
        "OrderedPhoneNumbers": [
            {"E164PhoneNumber": e164, "Status": outcome.value}
            for e164, outcome in order.outcomes.items()
        ],
        "CreatedTimestamp": order.created_at,
        "UpdatedTimestamp": order.updated_at,
    }
