"""Operations on the settings of all phone numbers: the default calling name (API PN14)."""

from datetime import timedelta

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.parameters import Parameters
from lambdas.management.repository import DefaultCallingName
from lambdas.management.store import Changed
from lambdas.management.wire import Answer

CHANGES_EVERY = timedelta(days=7)


def get_phone_number_settings(context: Context, parameters: Parameters) -> Answer:
    """Return the calling name and when it was set; nothing when it never was."""
    found = context.repository.configuration.default_calling_name()
    if found is None:
        return {}
    return {"CallingName": found.name, "CallingNameUpdatedTimestamp": found.updated_at}


def update_phone_number_settings(context: Context, parameters: Parameters) -> Answer:
    """Replace the calling name, once in seven days; the same name again is no change."""
    wanted = DefaultCallingName(parameters.text("CallingName"), context.now)
    configuration = context.repository.configuration
    found = configuration.default_calling_name()
    if found is not None and found.name == wanted.name:
        return {}
    try:
        latest = context.now - CHANGES_EVERY
        configuration.set_default_calling_name(wanted, unless_changed_after=latest)
    except Changed:
        raise BadRequest(
            f"CallingName was changed less than {CHANGES_EVERY.days} days ago; wait until then"
        ) from None
    return {}
