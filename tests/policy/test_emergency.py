"""Emergency codes go to the connector's own emergency numbers (EDGE R37, API EC1)."""

from dataclasses import replace

import pytest

from edge.policy.emergency import routed_number
from edge.policy.verdict import AdmitCall, Refuse
from model.configurations import EmergencyCalling, EmergencyNumber
from model.connector import Connector
from tests.policy.world import HOST, World, datagram, with_termination

HELP = "+12065550911"
TRIAL = "+12065550933"
US = EmergencyNumber(emergency_number=HELP, test_number=TRIAL, country="US")


def protected(*numbers: EmergencyNumber) -> Connector:
    """Return a connector that may call Germany only, with emergency numbers."""
    abroad = with_termination(calling_regions=("DE",))
    return replace(abroad, emergency_calling=EmergencyCalling(numbers=numbers))


def dialing(code: str) -> bytes:
    return datagram(uri=f"sip:{code}@{HOST}", to=f"<sip:{code}@{HOST}>")


@pytest.mark.parametrize(
    ("code", "number"), [("911", HELP), ("+911", HELP), ("112", HELP), ("933", TRIAL)]
)
def test_a_code_is_dialed_to_the_number_of_the_connector(code: str, number: str) -> None:
    # EDGE R37: whatever CallingRegions says
    verdict = World(protected(US)).judge(dialing(code))
    assert isinstance(verdict, AdmitCall), verdict
    assert verdict.to_number == number


@pytest.mark.parametrize("code", ["911", "933", "411", "9110", "999"])
def test_without_a_number_for_it_a_short_code_is_refused(code: str) -> None:
    # EDGE R37
    for connector in (with_termination(), protected()):
        verdict = World(connector).judge(dialing(code))
        assert isinstance(verdict, Refuse) and verdict.status == 403, verdict


def test_a_code_counts_in_the_country_of_its_entry() -> None:
    # EDGE R37
    british = EmergencyNumber(
        emergency_number="+442079460999", test_number="+442079460998", country="GB"
    )
    both = EmergencyCalling(numbers=(british, US))
    assert routed_number("999", both) == "+442079460999"
    assert routed_number("911", both) == HELP
    assert routed_number("933", both) == TRIAL
    assert routed_number("933", EmergencyCalling(numbers=(british,))) is None


def test_without_a_test_number_the_test_code_is_an_ordinary_short_code() -> None:
    # EDGE R37
    untested = replace(US, test_number=None)
    assert routed_number("933", EmergencyCalling(numbers=(untested,))) is None
