"""Which requests are one and the same (RFC 3261 §17.2.3, §8.2.2.2)."""

from edge.sip.headers import MAGIC_COOKIE
from edge.sip.message import Request


def server_key(request: Request, method: str) -> tuple[str, ...]:
    """Return what a request shares with its repetitions, ACK and CANCEL (§17.2.3, EDGE B9)."""
    via = request.via
    branch = via.branch
    if branch is not None and branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return (branch, via.sent_by, method)
    # RFC 3261 §17.2.3 for peers of RFC 2543: no branch to trust.
    top = request.headers["via"][0]
    number = str(request.cseq.number)
    return (request.uri, request.from_.tag or "", request.call_id, number, top, method)


def merge_key(request: Request) -> tuple[str, ...]:
    """Return what a request shares with its copies over other paths (§8.2.2.2, EDGE L1)."""
    number, method = request.cseq
    return (request.call_id, request.from_.tag or "", str(number), method)
