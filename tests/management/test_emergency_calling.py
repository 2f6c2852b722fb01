"""Emergency calling, and what may not be taken away from under it, through unmodified boto3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets

EMERGENCY, TEST = "+12065550111", "+12065550112"
DNIS = {"EmergencyPhoneNumber": EMERGENCY, "TestPhoneNumber": TEST, "CallingCountry": "US"}
ROUTES = {"Routes": [{"Host": "200.100.12.1", "Priority": 1, "Weight": 1}]}
REGIONS = {"CallingRegions": ["US"]}


def put(client: Any, connector_id: str, *numbers: dict[str, str]) -> Any:
    return client.put_voice_connector_emergency_calling_configuration(
        VoiceConnectorId=connector_id, EmergencyCallingConfiguration={"DNIS": list(numbers)}
    )["EmergencyCallingConfiguration"]


def get(client: Any, connector_id: str) -> Any:
    return client.get_voice_connector_emergency_calling_configuration(
        VoiceConnectorId=connector_id
    )["EmergencyCallingConfiguration"]


def delete(client: Any, connector_id: str) -> Any:
    return client.delete_voice_connector_emergency_calling_configuration(
        VoiceConnectorId=connector_id
    )


def originate(client: Any, connector_id: str, **members: Any) -> None:
    client.put_voice_connector_origination(
        VoiceConnectorId=connector_id, Origination=ROUTES | members
    )


def terminate(client: Any, connector_id: str, **members: Any) -> None:
    client.put_voice_connector_termination(
        VoiceConnectorId=connector_id, Termination=REGIONS | members
    )


def ready(stand: Stand) -> str:
    """Return a connector with calls of both directions."""
    connector_id = stand.new_connector()
    originate(stand.client(), connector_id)
    terminate(stand.client(), connector_id)
    return connector_id


def test_numbers_are_answered_as_they_were_put(stand: Stand, voice: Any) -> None:
    # API EC1 PN2 V4
    connector_id = ready(stand)
    with pytest.raises(voice.exceptions.NotFoundException, match="no emergency calling"):
        get(voice, connector_id)
    wanted = {"DNIS": [DNIS]}
    assert put(voice, connector_id, DNIS) == wanted
    assert get(voice, connector_id) == wanted
    plain = {"EmergencyPhoneNumber": EMERGENCY.removeprefix("+"), "CallingCountry": "US"}
    stored = put(voice, connector_id, plain)
    assert stored == {"DNIS": [{"EmergencyPhoneNumber": EMERGENCY, "CallingCountry": "US"}]}
    assert put(voice, connector_id) == get(voice, connector_id) == {"DNIS": []}
    for _ in range(2):
        answer = delete(voice, connector_id)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(voice.exceptions.NotFoundException, match="no emergency calling"):
        get(voice, connector_id)


def test_an_unknown_connector_is_not_found(voice: Any) -> None:
    # API EC1 V4
    for call in (put, get, delete):
        with pytest.raises(voice.exceptions.NotFoundException):
            call(voice, "a" * 22)


@pytest.mark.parametrize(
    ("prepare", "missing"),
    [
        ([], "origination and termination is"),
        ([originate], "termination is"),
        ([terminate], "origination is"),
        ([terminate, lambda *on: originate(*on, Disabled=True)], "origination is"),
        ([originate, lambda *on: terminate(*on, Disabled=True)], "termination is"),
    ],
)
def test_calls_of_both_directions_must_be_possible_first(
    stand: Stand, voice: Any, prepare: list[Callable[..., None]], missing: str
) -> None:
    # API EC1
    connector_id = stand.new_connector()
    for step in prepare:
        step(voice, connector_id)
    with pytest.raises(voice.exceptions.BadRequestException, match=missing):
        put(voice, connector_id, DNIS)
    with pytest.raises(voice.exceptions.NotFoundException):
        get(voice, connector_id)


GUARDED: dict[str, tuple[Callable[[Any, str], object], str]] = {
    "origination deleted": (
        lambda client, it: client.delete_voice_connector_origination(VoiceConnectorId=it),
        "Origination cannot be deleted while",
    ),
    "termination deleted": (
        lambda client, it: client.delete_voice_connector_termination(VoiceConnectorId=it),
        "Termination cannot be deleted while",
    ),
    "origination disabled": (
        lambda client, it: originate(client, it, Disabled=True),
        "Origination cannot be disabled while",
    ),
    "termination disabled": (
        lambda client, it: terminate(client, it, Disabled=True),
        "Termination cannot be disabled while",
    ),
}


@pytest.mark.parametrize(("change", "message"), GUARDED.values(), ids=GUARDED)
def test_calls_stay_possible_while_emergency_calling_is_configured(
    stand: Stand, voice: Any, change: Callable[[Any, str], object], message: str
) -> None:
    # API OR7 TM5 TM7
    connector_id = ready(stand)
    put(voice, connector_id, DNIS)
    with pytest.raises(voice.exceptions.BadRequestException, match=message):
        change(voice, connector_id)
    vc = {"VoiceConnectorId": connector_id}
    assert voice.get_voice_connector_origination(**vc)["Origination"]["Disabled"] is False
    assert voice.get_voice_connector_termination(**vc)["Termination"]["Disabled"] is False
    # What leaves calls possible is not refused.
    originate(voice, connector_id)
    terminate(voice, connector_id)
    delete(voice, connector_id)
    change(voice, connector_id)


@pytest.mark.parametrize(("change", "message"), GUARDED.values(), ids=GUARDED)
def test_of_two_at_once_that_exclude_each_other_one_is_refused(
    stand: Stand, voice: Any, change: Callable[[Any, str], object], message: str
) -> None:
    # API EC1 OR7 TM5 TM7: the guard is a condition of the write, so no race gets past it
    for _ in range(5):
        connector_id = ready(stand)

        def configure(connector_id: str = connector_id) -> bool:
            try:
                put(voice, connector_id, DNIS)
            except voice.exceptions.BadRequestException:
                return False
            return True

        def disturb(connector_id: str = connector_id) -> bool:
            try:
                change(voice, connector_id)
            except voice.exceptions.BadRequestException:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            first, second = threads.submit(configure), threads.submit(disturb)
            assert first.result() != second.result()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"EmergencyPhoneNumber": None}, r"DNIS\[0\].EmergencyPhoneNumber is missing"),
        ({"CallingCountry": None}, r"DNIS\[0\].CallingCountry is missing"),
        ({"CallingCountry": "USA"}, "it must match the pattern"),
        ({"CallingCountry": "GB"}, "CallingCountry is 'GB'; one of US is wanted"),
        ({"EmergencyPhoneNumber": "911"}, r"EmergencyPhoneNumber .* a valid phone number"),
        ({"EmergencyPhoneNumber": "+1206"}, "a valid phone number is wanted"),
        ({"EmergencyPhoneNumber": "abc"}, "EmergencyPhoneNumber is not valid; it must match"),
        ({"TestPhoneNumber": "+442079460000"}, "TestPhoneNumber is a number of GB"),
    ],
)
def test_a_bad_number_is_refused_and_not_repeated(
    stand: Stand, change: dict[str, str | None], message: str
) -> None:
    # API V1 EC1
    client = stand.client(config=UNCHECKED)
    connector_id = ready(stand)
    given = {name: value for name, value in (DNIS | change).items() if value is not None}
    with pytest.raises(client.exceptions.BadRequestException, match=message) as refused:
        put(client, connector_id, given)
    assert all(it not in str(refused.value) for it in change.values() if it and it[-2:].isdigit())
    with pytest.raises(client.exceptions.NotFoundException):
        get(client, connector_id)


def test_other_countries_are_the_operators_choice(embedded_aws: EmbeddedAws) -> None:
    # API EC1
    british = {"EmergencyPhoneNumber": "+442079460000", "CallingCountry": "GB"}
    both = Settings(api=ApiSettings(emergency_countries=("US", "GB")))
    with running(embedded_aws, both) as stand:
        stored = put(stand.client(), ready(stand), british, DNIS)
        assert stored == {"DNIS": [british, DNIS]}
    nobody = Settings(api=ApiSettings(emergency_countries=()))
    with running(embedded_aws, nobody) as stand:
        refused = stand.client().exceptions.BadRequestException
        with pytest.raises(refused, match="no country at all"):
            put(stand.client(), ready(stand), DNIS)


def test_a_connector_goes_with_its_emergency_numbers(stand: Stand, voice: Any) -> None:
    # API VC7
    connector_id = ready(stand)
    put(voice, connector_id, DNIS)
    voice.delete_voice_connector(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException):
        get(voice, connector_id)
