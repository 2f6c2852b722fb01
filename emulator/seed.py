"""What a fresh stand holds: a demo connector with two numbers, made through the real API."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from model.settings import Settings

CALLING_REGIONS = ("US", "CA", "GB", "DE", "FR", "IN", "JP", "AU", "BR", "MX")
"""Where usual test calls go; another region is refused, which the page then explains."""
DEMO_NUMBERS = 2
_AREA_CODE = "206"
_CPS_LIMIT = 100
_ORDER_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.05


class SeedError(RuntimeError):
    """What a stand begins with could not be made; the text says what."""


class Seed(NamedTuple):
    """What was made."""

    connector_id: str
    connector_host: str
    numbers: tuple[str, ...]


def seed(
    api_url: str,
    *,
    settings: Settings,
    access_key: tuple[str, str],
    cdr_bucket: str,
    pbx: tuple[str, int],
    allowed: Sequence[str],
) -> Seed:
    """Make connector, numbers, routes, allow list and the CDR setting.

    `pbx` is the address of the demo connector's one route, `allowed` the networks that may call.
    Whoever sees the termination, which is written last, sees everything.
    """
    voice = boto3.client(
        "chime-sdk-voice",
        endpoint_url=api_url,
        region_name=settings.region,
        aws_access_key_id=access_key[0],
        aws_secret_access_key=access_key[1],
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    made = voice.create_voice_connector(Name="demo", RequireEncryption=False)["VoiceConnector"]
    connector_id, host = made["VoiceConnectorId"], made["OutboundHostName"]
    found = voice.search_available_phone_numbers(AreaCode=_AREA_CODE, MaxResults=DEMO_NUMBERS)
    numbers = found["E164PhoneNumbers"]
    order = voice.create_phone_number_order(ProductType="VoiceConnector", E164PhoneNumbers=numbers)
    voice.put_voice_connector_origination(
        VoiceConnectorId=connector_id,
        Origination={
            "Routes": [
                {
                    "Host": pbx[0],
                    "Port": pbx[1],
                    "Protocol": "UDP",
                    "Priority": 1,
                    "Weight": 1,
                }
            ]
        },
    )
    voice.update_global_settings(VoiceConnector={"CdrBucket": cdr_bucket})
    _await_fulfilment(voice, order["PhoneNumberOrder"])
    voice.associate_phone_numbers_with_voice_connector(
        VoiceConnectorId=connector_id, E164PhoneNumbers=numbers
    )
    voice.put_voice_connector_termination(
        VoiceConnectorId=connector_id,
        Termination={
            "CallingRegions": list(CALLING_REGIONS),
            "CidrAllowedList": list(allowed),
            "CpsLimit": min(_CPS_LIMIT, settings.api.quotas.cps_limit),
            "DefaultPhoneNumber": numbers[0],
        },
    )
    return Seed(connector_id, host, tuple(numbers))


# boto3 makes its clients at run time; types-boto3 knows chime-sdk-voice only as an extra.
def _await_fulfilment(voice: Any, order: dict[str, Any]) -> None:
    """Wait until the ordered numbers are there."""
    deadline = time.monotonic() + _ORDER_WITHIN_S
    while order["Status"] == "Processing" and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
        found = voice.get_phone_number_order(PhoneNumberOrderId=order["PhoneNumberOrderId"])
        order = found["PhoneNumberOrder"]
    if order["Status"] != "Successful":
        raise SeedError(f"the order of the demo numbers is {order['Status']}")
