"""What became of the processes that local nodes run as: the kernel knows, where AWS asks ECS."""

import socket
from collections.abc import Iterable, Mapping

from edge.runtime.process import started_ticks_of
from lambdas.call_reaper.judgement import TaskState
from model.node_task import host_process_from


def local_tasks(tasks: Iterable[str]) -> Mapping[str, TaskState]:
    """Return the states of tasks; of those of other hosts, or of ECS, nobody here knows."""
    return {task: _state_of(task, socket.gethostname()) for task in tasks}


def _state_of(task: str, own_host: str) -> TaskState:
    process = host_process_from(task)
    if process is None or process.host != own_host:
        return TaskState.NOBODY_KNOWS
    # A process id comes again some time; its start does not.
    is_running = started_ticks_of(process.pid) == process.started_ticks
    return TaskState.RUNNING if is_running else TaskState.GONE
