"""The torture messages of tests/vectors/sip-torture with what their index says of them."""

import json
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "vectors" / "sip-torture"

Verdict = int | str
"""A status, or `drop`."""


class TortureMessage(NamedTuple):
    """One message of the index."""

    name: str
    file: str
    kind: str
    """request or response."""
    validity: str
    sha256: str
    edge_accept: tuple[Verdict, ...]
    """Final codes that pass for the exact bytes."""
    edge_accept_if_addressed_to_connector: tuple[Verdict, ...]

    @property
    def data(self) -> bytes:
        """Return the exact bytes."""
        return (FOLDER / self.file).read_bytes()

    def addressed_to(self, host: str) -> bytes:
        """Return the message with another host in the Request-URI."""
        start, mark, rest = self.data.partition(b"\n")
        user, at, tail = start.rpartition(b"@")
        before, after = (user + at, tail) if at else start.split(b"sip:", 1)
        before += b"" if at else b"sip:"
        begin = after.find(b"]") + 1 if after.startswith(b"[") else 0
        end = next(i for i, octet in enumerate(after) if i >= begin and octet in b" ;>?:")
        return before + host.encode() + after[end:] + mark + rest

    @property
    def has_host(self) -> bool:
        """Tell whether the Request-URI has a host that can be replaced."""
        start = self.data.partition(b"\r\n")[0]
        return self.kind == "request" and b"sip:" in start and b"SIP/" in start


def torture_messages() -> list[TortureMessage]:
    """Return every message of the index."""
    index = json.loads((FOLDER / "index.json").read_text())
    return [
        TortureMessage(
            name=it["name"],
            file=it["file"],
            kind=it["kind"],
            validity=it["validity"],
            sha256=it["sha256"],
            edge_accept=tuple(it["edge_accept"]),
            edge_accept_if_addressed_to_connector=tuple(
                it["edge_accept_if_addressed_to_connector"]
            ),
        )
        for it in index["messages"]
    ]
