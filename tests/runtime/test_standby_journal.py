"""What the signalling process keeps on the disk while it has no AWS worker (EDGE C9)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.runtime.aws_messages import Begin, JournalPlan
from edge.runtime.journal_lines import Content, Entry, Header, content_of
from edge.runtime.standby_journal import StandbyJournal
from edge.seam import CallJournalled, ForgetCall, JournalCall, JournalPlace, WriteRecord
from model.call_items import call_key, due_members, live_members
from model.codec import encode_item
from model.settings import Settings
from tests.runtime.records import NODE, a_live_call, a_quality_record, a_record
from tests.runtime.scripted import Lines, until

BUCKET = "records"


class Standby:
    """A journal in a directory, and what was heard of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.heard: list[CallJournalled] = []
        self.log = Lines()
        begin = Begin(Settings(), "ovc", 1.0, NODE, JournalPlan(directory, 1 << 20))
        self.journal = StandbyJournal(begin, feed=self.heard.append, log=self.log)

    def content(self) -> Content | None:
        """Return what its file says, None when there is none."""
        files = list(self.directory.glob("*.journal"))
        return content_of(files[0].read_bytes()) if files else None

    def entries(self) -> dict[str, Entry]:
        content = self.content()
        return {} if content is None else content.entries


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Standby], Awaitable[None]]], None]:
    def run(test: Callable[[Standby], Awaitable[None]]) -> None:
        async def on_a_loop() -> None:
            await test(Standby(tmp_path))

        asyncio.run(on_a_loop())

    return run


Run = Callable[[Callable[[Standby], Awaitable[None]]], None]


def test_an_answer_is_confirmed_once_it_is_on_the_disk(run: Run) -> None:
    async def test(standby: Standby) -> None:
        call = a_live_call("one")
        standby.journal.keep(JournalCall(call))
        await until(lambda: standby.heard)
        assert standby.heard == [CallJournalled("one", JournalPlace.DISK)]
        content = standby.content()
        assert content is not None and content.header == Header(NODE.node_id, "ovc")
        row = encode_item(live_members(call, NODE.node_id))
        assert content.entries == {"one": Entry(put=row)}
        standby.journal.close()
        assert standby.entries().keys() == {"one"}

    run(test)


def test_the_end_of_a_call_takes_the_place_of_its_answer(run: Run) -> None:
    async def test(standby: Standby) -> None:
        record = a_record(transaction_id="one")
        standby.journal.keep(JournalCall(a_live_call("one")))
        standby.journal.keep(WriteRecord(BUCKET, record, is_journalled=True))
        due = encode_item(due_members(record, NODE.node_id, BUCKET, record.key()))
        await until(lambda: standby.entries() == {"one": Entry(put=due)})
        standby.journal.close()

    run(test)


def test_a_call_that_leaves_no_record_leaves_no_row(run: Run) -> None:
    async def test(standby: Standby) -> None:
        standby.journal.keep(JournalCall(a_live_call("one")))
        standby.journal.keep(ForgetCall("one"))
        await until(lambda: standby.entries() == {"one": Entry(delete=call_key("one"))})
        standby.journal.close()

    run(test)


def test_what_a_worker_has_brought_to_safety_goes_and_the_file_with_it(run: Run) -> None:
    async def test(standby: Standby) -> None:
        standby.journal.keep(JournalCall(a_live_call("one")))
        standby.journal.keep(JournalCall(a_live_call("two")))
        await until(lambda: len(standby.heard) == 2)
        standby.journal.drop("one")
        await until(lambda: standby.entries().keys() == {"two"})
        standby.journal.drop("two")
        standby.journal.close()
        assert standby.content() is None

    run(test)


def test_a_node_whose_worker_lives_makes_no_file(run: Run) -> None:
    async def test(standby: Standby) -> None:
        standby.journal.drop("one")
        standby.journal.close()
        assert standby.content() is None

    run(test)


def test_records_of_quality_are_not_worth_it(run: Run) -> None:
    async def test(standby: Standby) -> None:
        standby.journal.keep(WriteRecord(BUCKET, a_quality_record()))
        standby.journal.close()
        assert standby.content() is None

    run(test)


def test_a_disk_that_refuses_confirms_nothing_and_is_told_of(run: Run) -> None:
    async def test(standby: Standby) -> None:
        standby.directory.joinpath("not-a-directory").write_text("")
        standby.directory = standby.directory / "not-a-directory"
        begin = Begin(Settings(), "ovc", 1.0, NODE, JournalPlan(standby.directory, 1 << 20))
        journal = StandbyJournal(begin, feed=standby.heard.append, log=standby.log)
        journal.keep(JournalCall(a_live_call("one")))
        await until(standby.log.events)
        journal.close()
        assert standby.heard == [] and standby.log.events() == ["journal-refuses"]

    run(test)
