"""Validation of emergency addresses: the rules, and what an answer may claim of them."""

from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from lambdas.management.e911_rules import LONGEST, Address, Street, normalised, parts_of
from lambdas.management.postal_areas import STATE_NAMES, is_in_state
from model.settings import ApiSettings, E911Acceptance, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets

OFFICE = Address("410", "Terry Ave N", "Seattle", "WA", "98109", "US")
WIRE_NAMES = ("StreetNumber", "StreetInfo", "City", "State", "PostalCode", "Country")


def validate(client: Any, address: Address, **members: Any) -> Any:
    given = dict(zip(WIRE_NAMES, address, strict=True)) | {"AwsAccountId": "000000000000"}
    answer = client.validate_e911_address(**given | members)
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    return answer


def test_by_default_no_address_is_called_valid(stand: Stand, voice: Any) -> None:
    # API EA1 W6: nobody has checked that it exists
    candidate = {
        "streetNumber": "410",
        "streetInfo": "Terry Ave N",
        "city": "Seattle",
        "state": "WA",
        "postalCode": "98109",
        "country": "US",
    }
    failed = {"ValidationResult": 2, "CandidateAddressList": [candidate]}
    assert validate(voice, OFFICE) == failed
    assert validate(voice, OFFICE._replace(state="Washington", city=" Seattle ")) == failed
    wrong = OFFICE._replace(street="PO Box 7")
    assert validate(voice, wrong) == {"ValidationResult": 2, "CandidateAddressList": []}


def test_where_the_form_is_enough_the_answer_tells_what_was_corrected(
    embedded_aws: EmbeddedAws,
) -> None:
    # API EA1
    accepting = Settings(api=ApiSettings(e911_accepts=E911Acceptance.FORM))
    with running(embedded_aws, accepting) as stand:
        client = stand.client()
        address = {
            "streetNumber": "410",
            "streetName": "Terry",
            "streetSuffix": "Ave",
            "postDirectional": "N",
            "city": "Seattle",
            "state": "WA",
            "postalCode": "98109",
            "country": "US",
        }
        right = {"ValidationResult": 0, "Address": address, "CandidateAddressList": []}
        assert validate(client, OFFICE) == right
        corrected = validate(client, OFFICE._replace(postal_code="981091234", country="usa"))
        assert corrected == {
            "ValidationResult": 1,
            "Address": address | {"postalCodePlus4": "1234"},
            "CandidateAddressList": [],
        }
        wrong = OFFICE._replace(state="OR")
        assert validate(client, wrong) == {"ValidationResult": 2, "CandidateAddressList": []}


@pytest.mark.parametrize("missing", [*WIRE_NAMES, "AwsAccountId"])
def test_every_member_is_required(stand: Stand, missing: str) -> None:
    # API EA1 V1
    client = stand.client(config=UNCHECKED)
    for value, message in ((None, "it is required"), ("  ", "it must match")):
        with pytest.raises(client.exceptions.BadRequestException, match=f"{missing} .*({message})"):
            validate(client, OFFICE, **{missing: value})


def test_an_address_is_not_repeated_in_a_refusal(stand: Stand) -> None:
    # API V1: addresses are personal data
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException) as refused:
        validate(client, OFFICE, StreetInfo=["Terry Ave N"])
    assert "Terry" not in str(refused.value)


CORRECTED = [
    ({"state": "wa"}, {"state": "WA"}),
    ({"state": "Washington"}, {"state": "WA"}),
    ({"state": " DISTRICT OF  COLUMBIA", "postal_code": "20500"}, {"state": "DC"}),
    ({"country": "us"}, {"country": "US"}),
    ({"country": "United States"}, {"country": "US"}),
    ({"postal_code": "98109 1234"}, {"postal_code": "98109-1234"}),
    ({"postal_code": "981091234"}, {"postal_code": "98109-1234"}),
    ({"street": "  Terry\tAve   N "}, {"street": "Terry Ave N"}),
    ({"street_number": " 410"}, {"street_number": "410"}),
]


@pytest.mark.parametrize(("given", "expected"), CORRECTED)
def test_a_rule_corrects(given: dict[str, str], expected: dict[str, str]) -> None:
    # API EA1
    found = normalised(OFFICE._replace(**given))
    assert found == OFFICE._replace(**given | expected)


RIGHT = [
    *({"street_number": it} for it in ("1", "12B", "12 1/2", "12-34", "N6W23001", "100001", "E12")),
    *({"street": it} for it in ("5th Ave", "42", "Martin Luther King Jr. Blvd", "Box Elder Rd")),
    *({"street": it} for it in ("Calle de la Peña", "O'Neil St # 4, Floor 2", "Post Rd")),
    *({"city": it} for it in ("St. Louis", "Coeur d'Alene", "Winston-Salem", "Cañon City", "Rye")),
    {"postal_code": "98109-1234"},
    {"state": "PR", "postal_code": "00901"},
    {"state": "NY", "postal_code": "06390"},
]


@pytest.mark.parametrize("given", RIGHT)
def test_a_right_address_stays_as_it_is(given: dict[str, str]) -> None:
    # API EA1
    address = OFFICE._replace(**given)
    assert normalised(address) == address


WRONG = [
    *({"street_number": it} for it in ("0", "000", "none", "#", "12345678", "one", "4/10", "٤")),
    *({"street": it} for it in ("PO Box 7", "P.O. Box 7", "p o box 7", "Post Office Box 7")),
    *({"street": it} for it in ("Box 7", "BOX #7", "RR 2 Box 15", "HC 1 BOX 3", "PMB 4")),
    *({"street": it} for it in ("General Delivery", "--", "#", "Main\x00St")),
    *({"city": it} for it in ("98109", "-", "Seattle 2", "Seattle, WA")),
    *({"state": it} for it in ("XX", "AA", "AE", "AP", "W", "Ontario")),
    *({"postal_code": it} for it in ("9810", "981090", "98109-12", "abcde", "98109-12345")),
    *({"postal_code": it} for it in ("97201", "00000", "10001")),
    *({"country": it} for it in ("CA", "GB", "MX", "Germany", "U")),
    *({member: "x" * (LONGEST + 1)} for member in Address._fields),
]


@pytest.mark.parametrize("given", WRONG)
def test_a_rule_forbids(given: dict[str, str]) -> None:
    # API EA1
    assert normalised(OFFICE._replace(**given)) is None


PARTS = [
    ("Main St", Street(None, "Main", "St", None)),
    ("N Main Street SW", Street("N", "Main", "Street", "SW")),
    ("Terry Ave. N.", Street(None, "Terry", "Ave.", "N.")),
    ("Avenue", Street(None, "Avenue", None, None)),
    ("N", Street(None, "N", None, None)),
    ("North St", Street(None, "North", "St", None)),
    ("Broadway", Street(None, "Broadway", None, None)),
    ("E St", Street(None, "E", "St", None)),
]


@pytest.mark.parametrize(("street", "parts"), PARTS, ids=[it[0] for it in PARTS])
def test_a_street_comes_apart_in_the_clients_spelling(street: str, parts: Street) -> None:
    # API EA1
    assert parts_of(street) == parts


@pytest.mark.parametrize(
    ("zip_code", "state"),
    [
        *(("35203", "AL"), ("99501", "AK"), ("85001", "AZ"), ("72201", "AR"), ("94105", "CA")),
        *(("80202", "CO"), ("06103", "CT"), ("19801", "DE"), ("20001", "DC"), ("33101", "FL")),
        *(("30303", "GA"), ("96910", "GU"), ("96813", "HI"), ("83702", "ID"), ("60601", "IL")),
        *(("46204", "IN"), ("50309", "IA"), ("66603", "KS"), ("40202", "KY"), ("70112", "LA")),
        *(("04101", "ME"), ("21201", "MD"), ("02108", "MA"), ("48226", "MI"), ("55401", "MN")),
        *(("39201", "MS"), ("63101", "MO"), ("59601", "MT"), ("68102", "NE"), ("89101", "NV")),
        *(("03301", "NH"), ("07102", "NJ"), ("87501", "NM"), ("10001", "NY"), ("27601", "NC")),
        *(("58501", "ND"), ("96950", "MP"), ("43215", "OH"), ("73102", "OK"), ("97201", "OR")),
        *(("19103", "PA"), ("00901", "PR"), ("02903", "RI"), ("29201", "SC"), ("57501", "SD")),
        *(("37203", "TN"), ("78701", "TX"), ("84101", "UT"), ("05401", "VT"), ("00802", "VI")),
        *(("23219", "VA"), ("98101", "WA"), ("25301", "WV"), ("53703", "WI"), ("82001", "WY")),
        *(("96799", "AS"), ("20101", "VA"), ("73301", "TX"), ("88510", "TX")),
    ],
)
def test_the_capital_or_largest_city_of_every_state_is_in_it(zip_code: str, state: str) -> None:
    # API EA1
    assert is_in_state(zip_code, state)
    others = [it for it in STATE_NAMES if it != state and is_in_state(zip_code, it)]
    assert set(others) <= {"GU", "MP", "AS", "HI"}
