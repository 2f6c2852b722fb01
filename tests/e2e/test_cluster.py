"""Three edges on one set of tables: limits that hold for all, and a database that goes away."""

import threading
import time
from dataclasses import replace

import pytest

from tests.e2e.cluster import Cluster, cluster
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("cluster")]

NUMBER = "+12125550100"
LIMIT = 10
OFFERED_PER_S = 30
OFFERED_S = 4.0
AWAY_S = 10.0


def callers(running: Cluster) -> tuple[Agent, Agent]:
    """Return a PBX and the carrier, which takes calls to one number and rejects the others."""

    def plan_of(request: object) -> CalleePlan:
        held = NUMBER in str(getattr(request, "uri", ""))
        return CalleePlan() if held else CalleePlan(steps=(Step(0.0, 486),))

    shared = running.shared
    return (
        Agent("pbx", free_address(shared.pbx)),
        Agent("carrier", shared.carrier, plan_of=plan_of),
    )


def rejected_uri(running: Cluster) -> str:
    return f"sip:+12125550102@{running.host}"


def most_in_any_second(moments: list[float]) -> int:
    return max(sum(at <= other < at + 1.0 for other in moments) for at in moments)


def test_three_edges_admit_the_limit_of_one() -> None:  # EDGE R15; ARCHITECTURE A10
    with cluster(3, cps_limit=LIMIT) as running:
        running.await_peers()
        pbx, carrier = callers(running)
        placed: list[tuple[float, PlacedCall]] = []
        with Wire(pbx, carrier) as wire:
            began = time.monotonic()
            while (now := time.monotonic()) < began + OFFERED_S:
                if now >= began + len(placed) / OFFERED_PER_S:
                    where = running.addresses[len(placed) % 3]
                    call = pbx.call(rejected_uri(running), where, CallerPlan(), now)
                    placed.append((now, call))
                wire.turn()
            wire.run_until(
                lambda: all(call.final is not None for _, call in placed), "every call is answered"
            )
        statuses = [call.final.status for _, call in placed if call.final is not None]
        assert set(statuses) == {486, 503}
        admitted = [at for at, call in placed if call.final and call.final.status == 486]
        assert most_in_any_second(admitted) <= 1.1 * LIMIT
        assert len(admitted) >= 0.9 * LIMIT * (OFFERED_S - 1.0)


def test_calls_go_on_while_the_database_is_away() -> None:  # A9
    with cluster(2, cps_limit=100) as running:
        running.await_peers()
        pbx, carrier = callers(running)
        shared, where = running.shared, running.addresses[0]
        with Wire(pbx, carrier) as wire:
            held = pbx.call(f"sip:{NUMBER}@{running.host}", where, CallerPlan(), time.monotonic())
            wire.run_until(lambda: held.answered, "a call is up")
            more = replace(shared.connector(100), require_encryption=True)
            change = threading.Thread(target=shared.put, args=(more,))
            with shared.stopped():
                change.start()
                gone_at, tries = time.monotonic(), 0
                while time.monotonic() < gone_at + AWAY_S:
                    began = time.monotonic()
                    call = pbx.call(rejected_uri(running), where, CallerPlan(), began)
                    wire.run_until(lambda call=call: call.final is not None, "an answer")  # type: ignore[misc]  # a default binds the loop's value
                    assert call.final is not None and call.final.status == 486
                    tries += 1
                    wire.run_until(lambda began=began: time.monotonic() > began + 0.5, "a pause")  # type: ignore[misc]  # as above
                assert tries >= 10
            # What was changed meanwhile arrives; nobody has been hung up.
            change.join()
            back_at = time.monotonic()
            status = 486
            while status == 486:
                assert time.monotonic() < back_at + 10.0, "the change never arrives"
                call = pbx.call(rejected_uri(running), where, CallerPlan(), time.monotonic())
                wire.run_until(lambda call=call: call.final is not None, "an answer")  # type: ignore[misc]  # as above
                assert call.final is not None
                status = call.final.status
                # Far below CpsLimit: another refusal would be no answer to the question.
                until = time.monotonic() + 0.1
                wire.run_until(lambda until=until: time.monotonic() > until, "a pause")  # type: ignore[misc]  # as above
            assert status == 403
            assert not held.hung_up
            held.hang_up(time.monotonic())

            def endings() -> list[str]:
                lines = running.edges[0].of("call-ended")
                return [it["status_message"] for it in lines if it["status"] == "Completed"]

            wire.run_until(endings, "the call ends")
        assert endings() == ["Normal Call Clearing"], "as the caller wishes"
        assert running.edges[0].of("database-away") and running.edges[0].of("database-back")
