"""Operations on emergency calling: numbers of the customer's own emergency service (API EC1).

While they are configured, calls of both directions must stay possible: origination and termination
can be neither deleted nor disabled. The condition is part of each write, so no race breaks it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from lambdas.management.context import Context, existing
from lambdas.management.errors import BadRequest, NotFound
from lambdas.management.parameters import Parameters
from lambdas.management.phone_numbers import normalised
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.configurations import EmergencyCalling, EmergencyNumber
from model.connector import Connector
from model.numbers import facts_of

MEMBER = "EmergencyCallingConfiguration"


def put_voice_connector_emergency_calling_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Replace the emergency numbers; origination and termination must be enabled."""
    connector_id = parameters.text("VoiceConnectorId")
    entries = parameters.structure(MEMBER).structures("DNIS")
    countries = context.settings.api.emergency_countries
    numbers = [_number(entry, f"{MEMBER}.DNIS[{n}]", countries) for n, entry in enumerate(entries)]
    emergency = EmergencyCalling(numbers=tuple(numbers))
    try:
        context.repository.connectors.put_emergency_calling(connector_id, emergency)
    except Changed as error:
        raise _without_calls(context.connector(connector_id)) from error
    return {MEMBER: _described(emergency)}


def get_voice_connector_emergency_calling_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Return the emergency numbers; 404 when they are not configured."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    if connector.emergency_calling is None:
        raise NotFound(f"Voice Connector {connector.connector_id} has no emergency calling")
    return {MEMBER: _described(connector.emergency_calling)}


def delete_voice_connector_emergency_calling_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Remove the emergency numbers, if there are any (API V4)."""
    connector_id = parameters.text("VoiceConnectorId")
    with existing(connector_id):
        context.repository.connectors.remove(connector_id, "emergency_calling")
    return {}


@contextmanager
def unless_emergency_calling(context: Context, connector_id: str, refusal: str) -> Iterator[None]:
    """Take a refused write for the sign that emergency calling is configured (OR7, TM5, TM7)."""
    try:
        yield
    except Changed as error:
        # The only other reason is that there is no such connector.
        context.connector(connector_id)
        raise BadRequest(
            f"{refusal} while emergency calling is configured; delete its configuration first"
        ) from error


def _without_calls(connector: Connector) -> BadRequest:
    paths = {"origination": connector.origination, "termination": connector.termination}
    missing = [name for name, path in paths.items() if path is None or path.disabled]
    what = " and ".join(missing) or "one of them"
    return BadRequest(
        "Emergency calling needs origination and termination configured and enabled; "
        f"{what} is missing or disabled"
    )


def _number(given: Parameters, where: str, countries: tuple[str, ...]) -> EmergencyNumber:
    country = given.text("CallingCountry")
    if country not in countries:
        raise BadRequest(f"{where}.CallingCountry is {country!r}; {_one_of(countries)} is wanted")
    test = given.optional_text("TestPhoneNumber")
    return EmergencyNumber(
        emergency_number=_checked(
            given.text("EmergencyPhoneNumber"), f"{where}.EmergencyPhoneNumber", countries
        ),
        test_number=None if test is None else _checked(test, f"{where}.TestPhoneNumber", countries),
        country=country,
    )


def _checked(text: str, where: str, countries: tuple[str, ...]) -> str:
    number = normalised(text)
    facts = None if number is None else facts_of(number)
    if number is None or facts is None:
        raise BadRequest(f"{where} is not in use anywhere; a valid phone number is wanted")
    if facts.region not in countries:
        raise BadRequest(
            f"{where} is a number of {facts.region}; a number of {_one_of(countries)} is wanted"
        )
    return number


def _one_of(countries: tuple[str, ...]) -> str:
    return f"one of {', '.join(countries)}" if countries else "no country at all"


def _described(emergency: EmergencyCalling) -> Answer:
    return {
        "DNIS": [
            {
                "EmergencyPhoneNumber": number.emergency_number,
                "TestPhoneNumber": number.test_number,
                "CallingCountry": number.country,
            }
            for number in emergency.numbers
        ]
    }
