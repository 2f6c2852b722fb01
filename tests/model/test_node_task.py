"""What a node names as its task."""

import pytest

from model.node_task import HostProcess, host_process_from

ARN = "arn:aws:ecs:us-east-1:000000000000:task/ovc-edge/0123456789abcdef0123456789abcdef"


def test_a_process_is_read_back() -> None:  # EDGE C9
    process = HostProcess("laptop.example.com", 4711, 1_234_567)
    assert str(process) == "process:laptop.example.com:4711:1234567"
    assert host_process_from(str(process)) == process


@pytest.mark.parametrize(
    "task",
    [
        *(ARN, "", "process", "process:", "process:host", "process:host:1", "process:host:1:"),
        *("process:host:1:2:3", "process:host:x:2", "process:host:-1:2", "process:host:1:²"),
        "process:host:1:" + "9" * 30,
        "program:host:1:2",
    ],
)
def test_what_is_no_process_is_none(task: str) -> None:
    assert host_process_from(task) is None
