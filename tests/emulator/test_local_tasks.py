"""What the local reaper can know of the processes that nodes run as (EDGE C9)."""

import socket
import subprocess
import sys

from edge.runtime.process import own_process
from emulator.local_tasks import local_tasks
from lambdas.call_reaper.judgement import TaskState


def test_a_process_runs_until_it_has_ended() -> None:  # EDGE C9
    own = own_process()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.kill()
        child.wait()
    ended = str(own._replace(pid=child.pid))
    reused = str(own._replace(started_ticks=own.started_ticks + 1))
    assert local_tasks([str(own), ended, reused]) == {
        str(own): TaskState.RUNNING,
        ended: TaskState.GONE,
        # The same process id, but another start.
        reused: TaskState.GONE,
    }


def test_of_other_hosts_and_of_ecs_nobody_here_knows() -> None:  # EDGE C9
    elsewhere = str(own_process()._replace(host=socket.gethostname() + "-other"))
    arn = "arn:aws:ecs:us-east-1:000000000000:task/ovc-edge/0123456789abcdef0123456789abcdef"
    tasks = [elsewhere, arn, ""]
    assert local_tasks(tasks) == dict.fromkeys(tasks, TaskState.NOBODY_KNOWS)
