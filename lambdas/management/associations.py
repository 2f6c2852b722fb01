"""Operations that associate phone numbers with connectors and groups (API PN8-PN10)."""

from lambdas.management.context import Context
from lambdas.management.number_batches import Accepted, Refusal, Verdict, apply, described
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import wanted_numbers
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, Target, TargetKind

LABELS = {TargetKind.CONNECTOR: "Voice Connector", TargetKind.GROUP: "Voice Connector group"}


def associate_phone_numbers_with_voice_connector(
    context: Context, parameters: Parameters
) -> Answer:
    """Point numbers at a connector, moving them only with ForceAssociate (API PN9)."""
    return _associate(context, parameters, _connector(parameters))


def associate_phone_numbers_with_voice_connector_group(
    context: Context, parameters: Parameters
) -> Answer:
    """Point numbers at a group, moving them only with ForceAssociate (API PN9)."""
    return _associate(context, parameters, _group(parameters))


def disassociate_phone_numbers_from_voice_connector(
    context: Context, parameters: Parameters
) -> Answer:
    """Free numbers that point at a connector (API PN10)."""
    return _disassociate(context, parameters, _connector(parameters))


def disassociate_phone_numbers_from_voice_connector_group(
    context: Context, parameters: Parameters
) -> Answer:
    """Free numbers that point at a group (API PN10)."""
    return _disassociate(context, parameters, _group(parameters))


def _connector(parameters: Parameters) -> Target:
    return Target(TargetKind.CONNECTOR, parameters.text("VoiceConnectorId"))


def _group(parameters: Parameters) -> Target:
    return Target(TargetKind.GROUP, parameters.text("VoiceConnectorGroupId"))


def _check_target(context: Context, target: Target) -> None:
    """Raise NotFound for a target that does not exist: then no number can be written (API PN8)."""
    match target.kind:
        case TargetKind.CONNECTOR:
            context.connector(target.target_id)
        case TargetKind.GROUP:
            context.group(target.target_id)


def _associate(context: Context, parameters: Parameters, target: Target) -> Answer:
    _check_target(context, target)
    force = parameters.flag("ForceAssociate")

    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        return _may_associate(e164, number, target, force)

    def write(numbers: list[InventoryNumber]) -> None:
        try:
            context.repository.numbers.associate(numbers, target, context.now)
        except Changed:
            # Also the target may have gone meanwhile.
            _check_target(context, target)
            raise

    return described(apply(context, wanted_numbers(parameters), judge, write))


def _disassociate(context: Context, parameters: Parameters, target: Target) -> Answer:
    _check_target(context, target)

    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        if number is None or number.target != target:
            message = f"The phone number is not associated with this {LABELS[target.kind]}"
            return Refusal(e164, "NotFound", message)
        return Accepted(number, done=False)

    def write(numbers: list[InventoryNumber]) -> None:
        context.repository.numbers.disassociate(numbers, context.now)

    return described(apply(context, wanted_numbers(parameters), judge, write))


def _may_associate(
    e164: str, number: InventoryNumber | None, target: Target, force: bool
) -> Verdict:
    if number is None:
        return Refusal(e164, "NotFound", "The phone number is not in the inventory")
    if number.deleted_at is not None:
        return Refusal(e164, "BadRequest", "The phone number is in the deletion queue")
    if number.product_type != "VoiceConnector":
        message = f"The product type is {number.product_type}; VoiceConnector is wanted"
        return Refusal(e164, "BadRequest", message)
    if number.target == target:
        return Accepted(number, done=True)
    if number.target is not None and not force:
        article = "another" if number.target.kind is target.kind else "a"
        message = f"The phone number is associated with {article} {LABELS[number.target.kind]}"
        return Refusal(e164, "PhoneNumberAssociationsExist", message)
    return Accepted(number, done=False)
