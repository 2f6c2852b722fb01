"""Operations that delete phone numbers and bring them back (API PN7, PN8).

A deleted number waits in the deletion queue; the number_orders Lambda purges it in time.
"""

from lambdas.management.context import Context
from lambdas.management.errors import (
    BadRequest,
    NotFound,
    ResourceLimitExceeded,
    ServiceUnavailable,
)
from lambdas.management.number_batches import (
    Accepted,
    Refusal,
    Verdict,
    Write,
    apply,
    apply_to,
    described,
)
from lambdas.management.numbers import described as described_number
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import check_ids, identified
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.numbers import DELETION_QUEUE, InventoryNumber, NumberStatus


def delete_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Put one unassigned number into the deletion queue."""
    apply_to(context, identified(parameters.text("PhoneNumberId")), _judge, _deletion(context))
    return {}


def batch_delete_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Put unassigned numbers into the deletion queue."""
    texts = parameters.texts("PhoneNumberIds")
    check_ids("PhoneNumberIds", texts)
    return described(apply(context, map(identified, texts), _judge, _deletion(context)))


def restore_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Take a number out of the deletion queue, if the quota has room for it."""
    e164 = identified(parameters.text("PhoneNumberId"))
    quota = context.settings.api.quotas.numbers
    for _ in range(CONFLICT_ATTEMPTS):
        number = _deleted(context, e164)
        try:
            context.repository.lifecycle.restore(number, context.now, at_most=quota)
        except Changed:
            if context.repository.numbers.inventory_size() >= quota:
                raise ResourceLimitExceeded(
                    f"The quota of {quota} phone numbers has no room for another one"
                ) from None
            continue
        restored = context.repository.numbers.get(e164)
        return {"PhoneNumber": described_number(restored or number)}
    raise ServiceUnavailable("Other changes of the phone number stand in the way; try again")


def _deleted(context: Context, e164: str) -> InventoryNumber:
    number = context.repository.numbers.get(e164)
    if number is None or (number.purge_at is not None and number.purge_at <= context.now):
        days = DELETION_QUEUE.days
        raise NotFound(f"The phone number is not in the deletion queue, which holds it {days} days")
    if number.deleted_at is None:
        raise BadRequest("The phone number is not deleted; there is nothing to restore")
    return number


def _judge(e164: str, number: InventoryNumber | None) -> Verdict:
    if number is None:
        return Refusal(e164, "NotFound", "The phone number is not in the inventory")
    if number.status is NumberStatus.DELETE_IN_PROGRESS:
        return Refusal(e164, "BadRequest", "The phone number is in the deletion queue already")
    if number.status is not NumberStatus.UNASSIGNED:
        message = "The phone number is associated; disassociate it before it is deleted"
        return Refusal(e164, "PhoneNumberAssociationsExist", message)
    return Accepted(number, done=False)


def _deletion(context: Context) -> Write:
    def write(numbers: list[InventoryNumber]) -> None:
        context.repository.lifecycle.delete(numbers, context.now)

    return write
