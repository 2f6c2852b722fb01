"""Operations that tell which phone numbers there are to order (API PN4, PN13)."""

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer

HOME_COUNTRY = "US"
_US_FILTERS = ("AreaCode", "City", "State", "TollFreePrefix")


def search_available_phone_numbers(context: Context, parameters: Parameters) -> Answer:
    """Return numbers of the pool that fit, in order of E.164."""
    country = parameters.optional_text("Country") or HOME_COUNTRY
    given = {name: parameters.optional_text(name) for name in (*_US_FILTERS, "PhoneNumberType")}
    prefix = _us_prefix(given) if country == HOME_COUNTRY else _foreign_prefix(given, country)
    wanted = {
        "country": country,
        "number_type": given["PhoneNumberType"],
        "city": given["City"],
        "state": given["State"],
    }
    where = {name: value for name, value in wanted.items() if value is not None}
    pager = Pager(f"pool {prefix} {where}", parameters, context.tokens)
    if prefix is None:
        return {"E164PhoneNumbers": []}
    found = context.repository.numbers.pool(prefix=prefix, after=pager.after, where=where)
    page, token = pager.page(found, lambda number: number.e164)
    return {"E164PhoneNumbers": [number.e164 for number in page], "NextToken": token}


def list_supported_phone_number_countries(context: Context, parameters: Parameters) -> Answer:
    """Return the countries and types of all numbers, to be had or owned (API PN13).

    They are the same for both product types.
    """
    numbers = context.repository.numbers
    types: dict[str, set[str]] = {}
    for country, number_type in (
        *((number.country, number.number_type) for number in numbers.pool()),
        *((number.country, number.number_type) for number in numbers.inventory()),
    ):
        types.setdefault(country, set()).add(number_type)
    return {
        "PhoneNumberCountries": [
            {"CountryCode": country, "SupportedPhoneNumberTypes": sorted(found)}
            for country, found in sorted(types.items())
        ]
    }


def _us_prefix(given: dict[str, str | None]) -> str | None:
    """Return how fitting numbers begin; None when they would have to begin in two ways."""
    area, toll_free = given["AreaCode"], given["TollFreePrefix"]
    if not any(given[name] for name in _US_FILTERS):
        raise BadRequest(f"For country US at least one of {', '.join(_US_FILTERS)} is required")
    if given["City"] is not None and given["State"] is None:
        raise BadRequest("City needs State; State is missing")
    if area is not None and not (len(area) == 3 and area.isascii() and area.isdigit()):
        raise BadRequest(f"AreaCode is {area[:64]!r}; three digits are wanted")
    if area is not None and toll_free is not None and area != toll_free:
        return None
    return f"+1{area or toll_free or ''}"


def _foreign_prefix(given: dict[str, str | None], country: str) -> str:
    for name in _US_FILTERS:
        if given[name] is not None:
            raise BadRequest(f"{name} is for country US only; the country is {country}")
    if given["PhoneNumberType"] is None:
        raise BadRequest(f"PhoneNumberType is missing; it is required for country {country}")
    return "+"
