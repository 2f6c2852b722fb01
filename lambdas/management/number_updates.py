"""Operations that change phone numbers: product type, calling name, name (API PN11).

A calling name takes effect later: the number_orders Lambda completes the change when it is due.
"""

from collections.abc import Mapping
from datetime import timedelta

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.lifecycle_repository import Attribute, NumberChange
from lambdas.management.number_batches import (
    Accepted,
    Judge,
    Refusal,
    Verdict,
    Write,
    apply,
    apply_to,
    described,
)
from lambdas.management.numbers import get_phone_number
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import check_amount, identified
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, NumberStatus

_MEMBERS = {
    "ProductType": Attribute.PRODUCT_TYPE,
    "CallingName": Attribute.CALLING_NAME,
    "Name": Attribute.NAME,
}


def update_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Change one attribute of a number."""
    change = _change(context, parameters, "The request")
    changes = {change.e164: change}
    apply_to(context, change.e164, _judging(changes), _writing(context, changes))
    return get_phone_number(context, parameters)


def batch_update_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Change one attribute of each of many numbers."""
    items = parameters.structures("UpdatePhoneNumberRequestItems")
    check_amount("UpdatePhoneNumberRequestItems", len(items))
    changes: dict[str, NumberChange] = {}
    for index, item in enumerate(items):
        change = _change(context, item, f"UpdatePhoneNumberRequestItems[{index}]")
        if change.e164 in changes:
            raise BadRequest(
                f"UpdatePhoneNumberRequestItems[{index}].PhoneNumberId occurs twice; "
                "each number may occur once"
            )
        changes[change.e164] = change
    refusals = apply(context, changes, _judging(changes), _writing(context, changes))
    return described(refusals)


def _change(context: Context, parameters: Parameters, where: str) -> NumberChange:
    given = [name for name in _MEMBERS if name in parameters]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise BadRequest(f"{where} has {found}; one of {', '.join(_MEMBERS)} is wanted")
    (name,) = given
    attribute = _MEMBERS[name]
    delay = timedelta(seconds=context.settings.api.calling_name_delay_s)
    return NumberChange(
        e164=identified(parameters.text("PhoneNumberId")),
        attribute=attribute,
        value=parameters.optional_text(name),
        due_at=context.now + delay if attribute is Attribute.CALLING_NAME else None,
    )


def _judging(changes: Mapping[str, NumberChange]) -> Judge:
    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        return _may_change(e164, number, changes[e164].attribute)

    return judge


def _writing(context: Context, changes: Mapping[str, NumberChange]) -> Write:
    def write(numbers: list[InventoryNumber]) -> None:
        wanted = [changes[number.e164] for number in numbers]
        context.repository.lifecycle.change(wanted, context.now)

    return write


def _may_change(e164: str, number: InventoryNumber | None, attribute: Attribute) -> Verdict:
    if number is None:
        return Refusal(e164, "NotFound", "The phone number is not in the inventory")
    if number.status is NumberStatus.DELETE_IN_PROGRESS:
        return Refusal(e164, "BadRequest", "The phone number is in the deletion queue")
    if attribute is Attribute.PRODUCT_TYPE and number.status is not NumberStatus.UNASSIGNED:
        message = "ProductType cannot be changed while the phone number is associated"
        return Refusal(e164, "BadRequest", message)
    if attribute is Attribute.CALLING_NAME and number.calling_name_due_at is not None:
        message = "CallingName has a change that is still in progress; wait until it is done"
        return Refusal(e164, "Conflict", message)
    return Accepted(number, done=False)
