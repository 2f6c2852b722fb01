"""More calls than the node is set to carry: they are refused, held ones stay, it is well at once.

The limit of CPU is set low, so that a small machine can exceed it several times over. To be run
alone: another test's work would be overload too.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.lab import Lab, eventually

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("overload")]

NUMBER, BUSY = "+12125550100", "+12125550102"
HELD = 5
HELD_MS = 14_000
FLOOD, PER_SECOND = 2_000, 400
WELL_WITHIN_S = 3.0
"""Half a second of CPU time that is looked at, half a second of calm, and the machine itself."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand whose edge counts a quarter of a CPU as overload."""
    settings = {
        "api": {"quotas": {"cps_limit": 2_000}},
        "admission": {"overload_cpu_percent": 25},
    }
    with Lab(tmp_path_factory.mktemp("lab"), settings) as running:
        yield running


def test_a_flood_is_refused_and_held_calls_survive_it(lab: Lab) -> None:  # EDGE R30
    trunk = lab.new_trunk()
    trunk.permit(CpsLimit=1_000)
    trunk.await_effect()
    traffic = ("-r", str(HELD), "-l", str(HELD), "-d", str(HELD_MS))
    with trunk.call("uac_call", NUMBER, calls=HELD, options=traffic, traced=False) as held:
        eventually(lambda: lab.pending()["calls"] == HELD or None, "the calls are up")
        flood = ("-r", str(PER_SECOND), "-l", str(FLOOD))
        with trunk.call("uac_busy_or_limited", BUSY, calls=FLOOD, options=flood) as pbx:
            pbx.succeed()
            answers = [it.start_line for it in pbx.messages() if not it.sent]
        refused = sum(line.startswith("SIP/2.0 503") for line in answers)
        assert refused > FLOOD / 10
        assert any(line.startswith("SIP/2.0 486") for line in answers)

        def is_taken() -> bool | None:
            with trunk.call("uac_busy_or_limited", BUSY) as one:
                one.succeed()
                return any(it.start_line.startswith("SIP/2.0 486") for it in one.messages()) or None

        eventually(is_taken, "calls are taken again", WELL_WITHIN_S)
        held.succeed()
    lab.await_idle(but=("transactions", "timers"))
