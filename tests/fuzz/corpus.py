"""What damage begins with: RFC 4475's messages, and everything that crosses in whole ladders."""

from functools import cache

from tests.core.stand import EDGE, INBOUND_URI, OUTBOUND_URI, Node, Stage, connector
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link
from tests.support.sdp import AES_256, SAVP, audio, crypto
from tests.support.torture import torture_messages

USER = ("pbx", "secret")
_LADDERS = (
    (CallerPlan(bye_after_s=5.0, reinvite_after_s=2.0), CalleePlan()),
    (CallerPlan(cancel_after_s=1.0), CalleePlan(steps=(Step(0.0, 100), Step(0.1, 183, sdp=True)))),
    (CallerPlan(credentials=USER), CalleePlan(bye_after_s=3.0)),
    (CallerPlan(body=b"", bye_after_s=3.0), CalleePlan()),
    (CallerPlan(), CalleePlan(steps=(Step(0.0, 503, fields=(("Retry-After", "60"),)),))),
    (CallerPlan(), CalleePlan(steps=(Step(0.5, 486, fields=(("Reason", "Q.850;cause=17"),)),))),
)
_EXTRAS = (
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40,
    b"a=rtcp:30001 IN IP4 192.0.2.7",
    b"a=maxptime:60",
    b"b=AS:64",
    b"m=video 0 RTP/AVP 31",
)


@cache
def messages() -> tuple[bytes, ...]:
    """Return every message, in both directions."""
    return tuple(dict.fromkeys([it.data for it in torture_messages()] + _recorded()))


@cache
def descriptions() -> tuple[bytes, ...]:
    """Return session descriptions."""
    bodies = [it.partition(b"\r\n\r\n")[2] for it in messages()]
    plain = audio()
    richer = [plain + extra + b"\r\n" for extra in _EXTRAS]
    hold = plain.replace(b"c=IN IP4 192.0.2.7", b"c=IN IP4 0.0.0.0")
    six = plain.replace(b"IP4 192.0.2.7", b"IP6 2001:db8::7")
    lines = (f"{crypto(1, AES_256)}|2^31|1:1", f"{crypto(2)} WSH=64", crypto(3))
    encrypted = audio(profile=SAVP, formats="9 0 101", crypto=lines)
    special = [hold, six, encrypted, plain + encrypted.partition(b"t=0 0\r\n")[2]]
    return tuple(dict.fromkeys([it for it in bodies if it[:2] == b"v="] + richer + special))


@cache
def values() -> tuple[bytes, ...]:
    """Return values of header lines, Request-URIs among them."""
    found: dict[bytes, None] = {}
    for message in messages():
        start, *lines = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
        found[start.split(b" ")[1] if start.count(b" ") >= 2 else start] = None
        for line in lines:
            found[line.partition(b":")[2].strip()] = None
    return tuple(found)


def _recorded() -> list[bytes]:
    found: list[bytes] = []
    for number, (caller, callee) in enumerate(_LADDERS):
        with lossy_link(number) as link:
            asks = caller.credentials is not None
            node = Node(connector(user=USER if asks else None), seed=number)
            stage = Stage(link, node=node, carrier=callee, pbx=callee)
            stage.pbx.call(OUTBOUND_URI, EDGE, caller, 0.0)
            stage.carrier.call(INBOUND_URI, EDGE, caller._replace(credentials=None), 100.0)
            link.run()
            found += [it.data for it in link.carried]
    return found
