"""The bucket of GlobalSettings counts for the next end of a call, whatever it was (EDGE C11)."""

from dataclasses import replace

import pytest

from model.settings import RecordSettings
from tests.core.stand import BUCKET, EDGE, OUTBOUND_URI, SETTINGS, Node, Stage, connector
from tests.support.agent import CallerPlan
from tests.support.link import lossy_link

WITH_QUALITY = replace(SETTINGS, records=RecordSettings(quality=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, "first", id="set"),
        pytest.param("first", "second", id="changed"),
        pytest.param("first", None, id="removed"),
        pytest.param(None, None, id="never set"),
    ],
)
def test_a_call_that_is_up_goes_where_the_bucket_is_at_its_end(
    before: str | None, after: str | None
) -> None:
    node = Node(settings=WITH_QUALITY)
    node.load(connector(), bucket=before)
    with lossy_link(1) as link:
        stage = Stage(link, node=node)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=30.0), 0.0)
        link.run(10.0)
        (call,) = node.journalled
        node.load(connector(), bucket=after)
        link.run()
        stored = [] if after is None else [call.transaction_id]
        assert [it.transaction_id for it in node.records] == stored
        assert [it.transaction_id for it in node.quality_records] == stored
        assert list(node.buckets.values()) == ([] if after is None else [after, after])
        assert node.forgotten == ([call.transaction_id] if after is None else [])
        stage.assert_quiet()


def test_what_has_ended_stays_with_the_bucket_of_its_end() -> None:
    node = Node(settings=WITH_QUALITY)
    with lossy_link(1) as link:
        stage = Stage(link, node=node)
        node.worker.is_mute = True  # its last word, and with it the quality record, comes late
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=30.0), 0.0)
        link.run(33.0)
        (record,) = node.records
        node.load(connector(), bucket="second")
        link.run()
        (of_quality,) = node.quality_records
        assert node.buckets == {record.key(): BUCKET, of_quality.key(): BUCKET}
        stage.assert_quiet()
