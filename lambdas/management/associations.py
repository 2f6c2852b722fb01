"""Operations that associate phone numbers with connectors and groups (API PN8-PN10).

Each number is judged for itself: the ones that cannot be done are listed in the answer, the others
succeed. Numbers are written many at a time; when one of them changed meanwhile, one by one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from lambdas.management.context import Context
from lambdas.management.number_repository import NUMBERS_PER_TRANSACTION
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import phone_number_id, wanted_numbers
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.numbers import InventoryNumber, Target, TargetKind

LABELS = {TargetKind.CONNECTOR: "Voice Connector", TargetKind.GROUP: "Voice Connector group"}


class Refusal(NamedTuple):
    """Why one number of a batch was left as it is."""

    e164: str
    code: str
    message: str


class Accepted(NamedTuple):
    """A number that may be written; `done` when it already is as wanted."""

    number: InventoryNumber
    done: bool


Verdict: TypeAlias = "Refusal | Accepted"
Judge: TypeAlias = "Callable[[str, InventoryNumber | None], Verdict]"
Write: TypeAlias = "Callable[[list[InventoryNumber]], None]"


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

    return _described(_apply(context, wanted_numbers(parameters), judge, write))


def _disassociate(context: Context, parameters: Parameters, target: Target) -> Answer:
    _check_target(context, target)

    def judge(e164: str, number: InventoryNumber | None) -> Verdict:
        if number is None or number.target != target:
            message = f"The phone number is not associated with this {LABELS[target.kind]}"
            return Refusal(e164, "NotFound", message)
        return Accepted(number, done=False)

    def write(numbers: list[InventoryNumber]) -> None:
        context.repository.numbers.disassociate(numbers, context.now)

    return _described(_apply(context, wanted_numbers(parameters), judge, write))


def _may_associate(
    e164: str, number: InventoryNumber | None, target: Target, force: bool
) -> Verdict:
    if number is None:
        return Refusal(e164, "NotFound", "The phone number is not in the inventory")
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


def _apply(context: Context, given: Iterable[str], judge: Judge, write: Write) -> list[Refusal]:
    wanted = list(dict.fromkeys(given))
    owned = context.repository.numbers.owned(wanted)
    verdicts = [judge(e164, owned.get(e164)) for e164 in wanted]
    refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
    pending = [it.number for it in verdicts if isinstance(it, Accepted) and not it.done]
    for start in range(0, len(pending), NUMBERS_PER_TRANSACTION):
        chunk = pending[start : start + NUMBERS_PER_TRANSACTION]
        try:
            write(chunk)
        except Changed:
            singles = (_apply_single(context, it.e164, judge, write) for it in chunk)
            refusals += [refusal for refusal in singles if refusal is not None]
    return refusals


def _apply_single(context: Context, e164: str, judge: Judge, write: Write) -> Refusal | None:
    """Judge one number anew until it is written, done or refused."""
    for _ in range(CONFLICT_ATTEMPTS):
        verdict = judge(e164, context.repository.numbers.get(e164))
        if isinstance(verdict, Refusal):
            return verdict
        if verdict.done:
            return None
        try:
            write([verdict.number])
        except Changed:
            continue
        return None
    return Refusal(e164, "Conflict", "Other changes of the phone number stand in the way")


def _described(refusals: list[Refusal]) -> Answer:
    return {
        "PhoneNumberErrors": [
            {
                "PhoneNumberId": phone_number_id(refusal.e164),
                "ErrorCode": refusal.code,
                "ErrorMessage": refusal.message,
            }
            for refusal in refusals
        ]
    }
