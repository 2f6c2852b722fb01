"""What those stand on who send requests outside of calls."""

from collections.abc import Callable
from typing import NamedTuple

from edge.flow import Address, Flow, Transport
from edge.ids import Ids
from edge.routing.targets import Target
from edge.sip.endpoint import Endpoint
from edge.sip.timers import Timers


class Surroundings(NamedTuple):
    """The node, as far as they need it."""

    endpoint: Endpoint
    timers: Timers
    ids: Ids
    product: str
    """User-Agent."""
    local: Callable[[Transport], Address]
    """What the node calls itself on a transport."""
    flow_to: Callable[[Target], Flow]
    """The way to a target."""
