"""Fifty calls per second for ten seconds: none fails, each leaves its record and no port.

That transactions and timers end as well, half a minute later, is shown in test_bad_input.py.
"""

import pytest

from tests.e2e.lab import CALLER, Lab, eventually
from tests.e2e.records import assert_record, window

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("load")]

CALLS = 500
CALLS_PER_SECOND = 50
CALL_MS = 1_000


def test_500_calls_at_50_per_second(lab: Lab) -> None:
    # EDGE S3: a listed source may send 100 INVITEs per second and more. EDGE L2: equal numbers
    # in many calls at once are no loop.
    trunk = lab.new_trunk()
    trunk.permit()
    trunk.await_effect()
    number = "+12125550100"
    traffic = ("-r", str(CALLS_PER_SECOND), "-l", str(CALLS), "-d", str(CALL_MS))
    with (
        window() as during,
        trunk.call("uac_call", number, calls=CALLS, options=traffic, traced=False) as pbx,
    ):
        pbx.succeed()
        counters = pbx.statistics()
        eventually(
            lambda: True if len(list(lab.keys(trunk.connector_id))) >= CALLS else None,
            "every call has its record",
        )
    assert (counters["SuccessfulCall(C)"], counters["FailedCall(C)"]) == (str(CALLS), "0")
    records = {str(it.members["CallId"]): it for it in trunk.records()}
    assert set(records) == {pbx.call_id(n) for n in range(1, CALLS + 1)}
    assert len({it.members["TransactionId"] for it in records.values()}) == CALLS
    for call_id, record in records.items():
        assert_record(
            record,
            during,
            connector_id=trunk.connector_id,
            call_id=call_id,
            from_number=CALLER,
            to_number=number,
            disposition="Termination",
        )
    lab.await_idle(but=("transactions", "timers"))
