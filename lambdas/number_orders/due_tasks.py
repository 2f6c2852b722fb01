"""Does what is due to numbers: purges from the deletion queue, calling names (API PN7, PN11)."""

from datetime import datetime

from lambdas.management.lifecycle_repository import Due, Task
from lambdas.management.repository import Repository
from lambdas.management.store import Changed


def perform(repository: Repository, due: Due, now: datetime) -> None:
    """Do one thing; what another run has done meanwhile, or what has no object any more, is done.

    A number that was restored takes its purge along; a pending calling name stays behind when its
    number goes.
    """
    try:
        if due.task is Task.CALLING_NAME:
            repository.lifecycle.complete_calling_name(due, now)
            return
        number = repository.numbers.get(due.e164)
        if number is None or number.purge_at != due.at:
            raise Changed
        repository.lifecycle.purge(number)
    except Changed:
        _forget(repository, due)


def _forget(repository: Repository, due: Due) -> None:
    number = repository.numbers.get(due.e164)
    if number is not None and due.at in (number.purge_at, number.calling_name_due_at):
        # Somebody stood in the way, but it is still to be done: at the next run.
        return
    try:
        repository.lifecycle.forget(due)
    except Changed:
        return
