"""Operations that read the phone numbers of the account (API PN1-PN3, PN6, PN12)."""

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, NotFound
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import normalised, phone_number_id
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, TargetKind

STATUSES = frozenset(
    {
        *("Cancelled", "PortinCancelRequested", "PortinInProgress", "AcquireInProgress"),
        *("AcquireFailed", "Unassigned", "Assigned", "ReleaseInProgress"),
        *("DeleteInProgress", "ReleaseFailed", "DeleteFailed"),
    }
)
"""The model's enum PhoneNumberStatus; the filter's own shape is a free string (API PN12)."""

TARGET_KINDS = {
    "VoiceConnectorId": TargetKind.CONNECTOR,
    "VoiceConnectorGroupId": TargetKind.GROUP,
}
"""By the names that associations and filters have."""
_ASSOCIATION_NAMES = {kind: name for name, kind in TARGET_KINDS.items()}


def get_phone_number(context: Context, parameters: Parameters) -> Answer:
    """Return one number, by its id in any of its forms."""
    number = normalised(parameters.text("PhoneNumberId"))
    found = None if number is None else context.repository.numbers.get(number)
    if found is None:
        raise NotFound("The phone number is not in the inventory of this account")
    return {"PhoneNumber": described(found)}


def list_phone_numbers(context: Context, parameters: Parameters) -> Answer:
    """Return the numbers that all given filters fit, in order of E.164.

    Deviates: not in order of creation (V3); the sort key makes a page of 10,000 numbers cheap.
    """
    status = parameters.optional_text("Status")
    if status is not None and status not in STATUSES:
        choices = ", ".join(sorted(STATUSES))
        raise BadRequest(f"Status is {status[:64]!r}; one of {choices} is wanted")
    where = _wanted_attributes(parameters)
    pager = Pager(f"numbers {status} {where}", parameters, context.tokens)
    if where is None:
        return {"PhoneNumbers": []}
    batch = None if status or where else pager.size + 1
    found = context.repository.numbers.inventory(after=pager.after, where=where, batch=batch)
    fitting = (it for it in found if status is None or it.status.value == status)
    page, token = pager.page(fitting, lambda number: number.e164)
    return {"PhoneNumbers": [described(number) for number in page], "NextToken": token}


def described(number: InventoryNumber) -> Answer:
    """Return a PhoneNumber as answers show it."""
    associations: Answer = []
    if number.target is not None:
        associations = [
            {
                "Value": number.target.target_id,
                "Name": _ASSOCIATION_NAMES[number.target.kind],
                "AssociatedTimestamp": number.associated_at,
            }
        ]
    return {
        "PhoneNumberId": phone_number_id(number.e164),
        "E164PhoneNumber": number.e164,
        "Country": number.country,
        "Type": number.number_type,
        "ProductType": number.product_type,
        "Status": number.status.value,
        "Capabilities": {
            "InboundCall": True,
            "OutboundCall": True,
            "InboundSMS": False,
            "OutboundSMS": False,
            "InboundMMS": False,
            "OutboundMMS": False,
        },
        "Associations": associations,
        "CreatedTimestamp": number.created_at,
        "UpdatedTimestamp": number.updated_at,
        "DeletionTimestamp": number.deleted_at,
        "CallingName": number.calling_name,
        "CallingNameStatus": number.calling_name_status.value,
        "OrderId": number.order_id,
        "Name": number.name,
    }


def _wanted_attributes(parameters: Parameters) -> dict[str, str] | None:
    """Return what attributes must be; None when no number can fit, there being no SIP rules."""
    product = parameters.optional_text("ProductType")
    name, value = parameters.optional_text("FilterName"), parameters.optional_text("FilterValue")
    if (name is None) != (value is None):
        raise BadRequest("FilterName and FilterValue belong together; one of them is missing")
    wanted = {} if product is None else {"product_type": product}
    if name is None or value is None:
        return wanted
    kind = TARGET_KINDS.get(name)
    return None if kind is None else wanted | {kind.attribute: value}
