"""Operations that associate phone numbers with connectors (API PN8-PN10)."""

from lambdas.management.context import Context
from lambdas.management.number_batches import Accepted, Refusal, Verdict, apply, described
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import wanted_numbers
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber


def associate_phone_numbers_with_voice_connector(
    context: Context, parameters: Parameters
) -> Answer:
    """Point numbers at a connector, moving them only with ForceAssociate (API PN9)."""
    connector_id = parameters.text("VoiceConnectorId")
    context.connector(connector_id)
    force = parameters.flag("ForceAssociate")

    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        return _may_associate(e164, number, connector_id, force)

    def write(numbers: list[InventoryNumber]) -> None:
        try:
            context.repository.numbers.associate(numbers, connector_id, context.now)
        except Changed:
            # Also the connector may have gone meanwhile: then no number can be written.
            context.connector(connector_id)
            raise

    return described(apply(context, wanted_numbers(parameters), judge, write))


def disassociate_phone_numbers_from_voice_connector(
    context: Context, parameters: Parameters
) -> Answer:
    """Free numbers that point at a connector (API PN10)."""
    connector_id = parameters.text("VoiceConnectorId")
    context.connector(connector_id)

    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        if number is None or number.connector_id != connector_id:
            message = "The phone number is not associated with this Voice Connector"
            return Refusal(e164, "NotFound", message)
        return Accepted(number, done=False)

    def write(numbers: list[InventoryNumber]) -> None:
        context.repository.numbers.disassociate(numbers, context.now)

    return described(apply(context, wanted_numbers(parameters), judge, write))


def _may_associate(
    e164: str, number: InventoryNumber | None, connector_id: str, force: bool
) -> Verdict:
    if number is None:
        return Refusal(e164, "NotFound", "The phone number is not in the inventory")
    if number.deleted_at is not None:
        return Refusal(e164, "BadRequest", "The phone number is in the deletion queue")
    if number.product_type != "VoiceConnector":
        message = f"The product type is {number.product_type}; VoiceConnector is wanted"
        return Refusal(e164, "BadRequest", message)
    if number.connector_id == connector_id:
        return Accepted(number, done=True)
    if number.connector_id is not None and not force:
        message = "The phone number is associated with another Voice Connector"
        return Refusal(e164, "PhoneNumberAssociationsExist", message)
    return Accepted(number, done=False)
