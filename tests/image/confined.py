"""Becomes a program as a container runs it: another root, a user without rights, no way to more.

python confined.py ROOT USER GROUP DIRECTORY PROGRAM ARGUMENT... (as root)
"""

import ctypes
import os
import resource
import sys

_NO_NEW_PRIVILEGES = 38
"""PR_SET_NO_NEW_PRIVS of prctl(2)."""
OPEN_FILES = 65_536
"""What the task definition grants (infra/edge_task.py)."""


def main() -> None:
    """Give up everything, then start the program."""
    root, user, group, directory, *command = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, OPEN_FILES),) * 2)
    # Found before there is another root.
    prctl = ctypes.CDLL(None).prctl
    os.chroot(root)
    os.chdir(directory)
    os.umask(0o022)
    os.setgroups([])
    os.setresgid(*[int(group)] * 3)
    # The kernel takes every capability away with the last user id of root.
    os.setresuid(*[int(user)] * 3)
    if prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        sys.exit("prctl refuses")
    # Not execvp(): it imports, and there is nothing of this Python's any more.
    found = [f"{place}/{command[0]}" for place in os.environ["PATH"].split(":")]
    os.execv(next(filter(os.path.exists, found)), command)


if __name__ == "__main__":
    main()
