"""The older `chime` client (2018-05-01) and this API: order a phone number and give it back.

    eval "$(ovc env)"
    python examples/chime-client/order_number.py

Amazon moved Voice Connectors to `chime-sdk-voice`, but code that still has a `chime` client works
here: its operations on phone numbers and settings have the same methods, paths and answers. Where
the code can't be changed, AWS_ENDPOINT_URL_CHIME leads it here.
"""

import os
import sys
import time
from typing import Any

import boto3

LONGEST_ORDER_S = 120

# boto3 makes its clients at run time, so they have no static type.
chime: Any = boto3.client("chime", endpoint_url=os.environ["AWS_ENDPOINT_URL_CHIME_SDK_VOICE"])


def order_number() -> str:
    """Find a number, order it and wait until it is ours."""
    found = chime.search_available_phone_numbers(AreaCode="512", MaxResults=1)
    numbers = found["E164PhoneNumbers"]
    placed = chime.create_phone_number_order(ProductType="VoiceConnector", E164PhoneNumbers=numbers)
    order_id = placed["PhoneNumberOrder"]["PhoneNumberOrderId"]
    deadline = time.monotonic() + LONGEST_ORDER_S
    while True:
        order = chime.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
        if order["Status"] == "Successful":
            return str(numbers[0])
        if order["Status"] != "Processing" or time.monotonic() > deadline:
            sys.exit(f"The order of {numbers} is {order['Status']}")
        time.sleep(1)


def show(number: str) -> None:
    """Print what is known of a number."""
    known = chime.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    print(number, known["Status"], known.get("CallingName", "without a calling name"))


def main() -> None:
    """Order a number, name it, delete it, restore it, and delete it for good."""
    number = order_number()
    chime.update_phone_number(PhoneNumberId=number, CallingName="Example")
    show(number)
    chime.delete_phone_number(PhoneNumberId=number)
    chime.restore_phone_number(PhoneNumberId=number)
    show(number)
    left = chime.batch_delete_phone_number(PhoneNumberIds=[number])["PhoneNumberErrors"]
    if left:
        sys.exit(f"The number is left: {left}")
    bucket = chime.get_global_settings()["VoiceConnector"].get("CdrBucket")
    print(f"call detail records go to {bucket or 'no bucket'}")


if __name__ == "__main__":
    main()
