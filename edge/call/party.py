"""The customers of a call: one on a call to or from the public network, two on-net (EDGE N1).

Each has a record and a row of its own, under its own TransactionId and with the Call-ID of the leg
that it sees. The called one may change while a group's connectors are tried (EDGE F12).
"""

from edge.ids import Ids
from edge.media.session import Side
from edge.policy.header_policy import Way
from edge.policy.number_rules import ANONYMOUS
from edge.policy.verdict import AdmitCall
from edge.routing.targets import Target
from model.cdr import Disposition

_BACK = {Way.TO_CARRIER: Way.TO_PBX, Way.TO_PBX: Way.TO_CARRIER, Way.ON_NET: Way.ON_NET}


class Party:
    """One customer's side of a call."""

    __slots__ = (
        "_first",
        "auth_user",
        "call_id",
        "connector_id",
        "disposition",
        "from_number",
        "side",
        "to_number",
        "transaction_id",
    )

    def __init__(
        self,
        admitted: AdmitCall,
        side: Side,
        connector_id: str,
        call_id: str,
        transaction_id: str,
    ) -> None:
        self.side = side
        """The leg that the customer is at."""
        self.connector_id = connector_id
        self.call_id = call_id
        """Call-ID of that leg (EDGE C2)."""
        self.transaction_id = transaction_id
        calls = side is Side.A
        self.disposition = Disposition.TERMINATION if calls else Disposition.ORIGINATION
        self.auth_user = admitted.auth_user if calls else None
        # A called customer is not trusted with a withheld caller id, nor is its record (EDGE I2).
        hidden = not calls and admitted.anonymous
        self.from_number = ANONYMOUS if hidden else admitted.from_number
        self.to_number = admitted.to_number
        self._first: tuple[str, str] | None = None

    def tried_at(self, target: Target, call_id: str) -> None:
        """Note where the called customer's leg goes now."""
        if self.side is Side.B:
            self.connector_id, self.call_id = target.connector_id, call_id
            if self._first is None or self._first[0] == self.connector_id:
                self._first = self.connector_id, self.call_id

    def taken_by_nobody(self) -> None:
        """Note that no connector of a group took the call: it is the first one's, with the Call-ID
        of the last attempt there (EDGE F12)."""
        if self._first is not None:
            self.connector_id, self.call_id = self._first


def parties_of(admitted: AdmitCall, call_id: str, ids: Ids) -> tuple[Party, ...]:
    """Return the customers of a call, the caller first; `call_id` is that of its INVITE."""
    parties: list[Party] = []
    if admitted.disposition is Disposition.TERMINATION:
        connector_id = admitted.connector.connector_id
        parties.append(Party(admitted, Side.A, connector_id, call_id, ids.transaction_id()))
    if admitted.callees:
        connector_id = admitted.callees[0].connector_id
        # A customer never sees the Call-ID of another's leg (EDGE B2).
        seen = ids.call_id() if parties else call_id
        parties.append(Party(admitted, Side.B, connector_id, seen, ids.transaction_id()))
    return tuple(parties)


def way_to_callee(admitted: AdmitCall) -> Way:
    """Return which way what the caller sends goes (EDGE 1.11)."""
    if admitted.is_on_net:
        return Way.ON_NET
    inbound = admitted.disposition is Disposition.ORIGINATION
    return Way.TO_PBX if inbound else Way.TO_CARRIER


def way_to_caller(admitted: AdmitCall) -> Way:
    """Return which way what the called side sends goes."""
    return _BACK[way_to_callee(admitted)]
