"""What the local run lays over the operator's settings."""

import pytest

from emulator.api_log import ApiLog
from emulator.child import ChildLine
from emulator.local_ids import DEMO_CONNECTOR_ID, LocalIds
from emulator.ports import Ports
from emulator.process import address
from emulator.stand import StandPlan
from model.settings import ApiSettings, Carrier, Quotas, Settings


def test_lab_mode_and_private_addresses_are_on_whatever_the_settings_say() -> None:
    # EDGE S11
    quotas = Quotas.aws()
    given = Settings(lab_mode=False, api=ApiSettings(quotas=quotas, private_addresses=False))
    settings = StandPlan(settings=given).effective_settings()
    assert settings.lab_mode and settings.api.private_addresses
    assert settings.api.quotas == quotas


def test_the_simulated_network_is_known_by_its_port_and_comes_first() -> None:
    # EDGE I5: a PBX on this machine has the same address and is no carrier.
    own = Carrier(name="mine", host="192.0.2.1")
    plan = StandPlan(ports=Ports(pstn=15_070), settings=Settings(carriers=(own,)))
    pstn, second = plan.effective_settings().carriers
    assert (pstn.host, pstn.port, pstn.sources) == ("127.0.0.1", 15_070, ("127.0.0.1:15070",))
    assert second == own


@pytest.mark.parametrize(
    ("listen", "allow", "networks"),
    [
        ("127.0.0.1", (), ["127.0.0.0/8"]),
        ("127.0.0.2", (), ["127.0.0.0/8"]),
        ("192.0.2.9", ("192.0.2.0/24",), ["127.0.0.0/8", "192.0.2.9/32", "192.0.2.0/24"]),
        ("127.0.0.1", ("127.0.0.0/8", "10.1.0.0/16"), ["127.0.0.0/8", "10.1.0.0/16"]),
    ],
)
def test_the_allow_list_holds_this_machine_and_what_was_asked_for(
    listen: str, allow: tuple[str, ...], networks: list[str]
) -> None:
    assert StandPlan(listen=listen, allow=allow).allowed_networks() == networks


def test_the_demo_connector_keeps_its_id_and_no_other_gets_it() -> None:
    # API VC1, ARCHITECTURE A14
    ids = LocalIds()
    made = [ids.connector_id() for _ in range(3)]
    assert made[0] == DEMO_CONNECTOR_ID
    assert len(set(made)) == 3
    assert all(len(it) == 22 and it.isalnum() and it == it.lower() for it in made)


def test_only_failures_of_the_api_are_news() -> None:
    news: list[ChildLine] = []
    log = ApiLog(news.append)
    log.info("answered", extra={"status": 200})
    try:
        raise KeyError("what")
    except KeyError:
        log.exception("the request failed", extra={"method": "GET"})
    assert news == [
        ChildLine(
            "api",
            {
                "event": "fault",
                "message": "the request failed",
                "error": "KeyError('what')",
                "method": "GET",
            },
        )
    ]


def test_an_address_has_host_and_port() -> None:
    assert address("127.0.0.1:5060") == ("127.0.0.1", 5060)
    for wrong in ("5060", ":5060", "127.0.0.1:", "127.0.0.1:x"):
        with pytest.raises(ValueError):
            address(wrong)
