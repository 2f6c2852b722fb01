"""The operation that validates emergency addresses, as far as their form goes (API EA1)."""

from enum import IntEnum

from lambdas.management.context import Context
from lambdas.management.e911_rules import Address, normalised, parts_of
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.settings import E911Acceptance


class ValidationResult(IntEnum):
    """What became of an address; the first two say that it is valid."""

    SUCCEEDED = 0
    CORRECTED = 1
    FAILED = 2


def validate_e911_address(context: Context, parameters: Parameters) -> Answer:
    """Judge an address by the rules; the answer claims no more than the operator admits.

    The account id is not compared: there is one account, whatever clients call it.
    """
    given = _given(parameters)
    found = normalised(given)
    if found is None:
        return {"ValidationResult": ValidationResult.FAILED, "CandidateAddressList": []}
    if context.settings.api.e911_accepts is not E911Acceptance.FORM:
        return {
            "ValidationResult": ValidationResult.FAILED,
            "CandidateAddressList": [_candidate(found)],
        }
    result = ValidationResult.SUCCEEDED if found == given else ValidationResult.CORRECTED
    return {
        "ValidationResult": result,
        "Address": _described(found),
        "CandidateAddressList": [],
    }


def _given(parameters: Parameters) -> Address:
    return Address(
        street_number=parameters.text("StreetNumber"),
        street=parameters.text("StreetInfo"),
        city=parameters.text("City"),
        state=parameters.text("State"),
        postal_code=parameters.text("PostalCode"),
        country=parameters.text("Country"),
    )


def _place(address: Address) -> dict[str, Answer]:
    """Return the members that an address and a candidate have in common."""
    zip_code, _, plus4 = address.postal_code.partition("-")
    return {
        "streetNumber": address.street_number,
        "city": address.city,
        "state": address.state,
        "postalCode": zip_code,
        "postalCodePlus4": plus4 or None,
        "country": address.country,
    }


def _candidate(address: Address) -> Answer:
    return {"streetInfo": address.street, **_place(address)}


def _described(address: Address) -> Answer:
    street = parts_of(address.street)
    return {
        "preDirectional": street.pre_directional,
        "streetName": street.name,
        "streetSuffix": street.suffix,
        "postDirectional": street.post_directional,
        **_place(address),
    }
