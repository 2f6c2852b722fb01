"""What follows from how busy the node is: whether INVITEs are read, what is shown (EDGE R30)."""

from edge.flow import Flow, Transport
from edge.policy.overload import Load, Measured, OverloadMeter
from edge.seam import LoadMeasured, Log
from model.settings import AdmissionSettings


class LoadWatch:
    """The load of one node."""

    __slots__ = ("_dropped", "_meter", "is_dropping")

    def __init__(self, settings: AdmissionSettings) -> None:
        self._meter = OverloadMeter(settings)
        self._dropped = 0
        self.is_dropping = False
        """New calls are not even read."""

    @property
    def is_overloaded(self) -> bool:
        """Tell whether new calls are refused."""
        return self._meter.load is not Load.NORMAL

    def drops(self, data: bytes, flow: Flow) -> bool:
        """Tell whether a datagram is left unread; the peer sends an INVITE again."""
        if flow.transport is not Transport.UDP or data[:7] != b"INVITE ":
            return False
        self._dropped += 1
        return True

    def take(self, measured: LoadMeasured, free_ports: float, now: float) -> Log | None:
        """Take a look at the node; return what to show when its load has changed."""
        before = self._meter.load
        load = self._meter.take(Measured(*measured, free_ports), now)
        self.is_dropping = load is Load.DROWNING
        if load is before:
            return None
        return Log(
            "load",
            {
                "load": load.name.lower(),
                "lag_ms": round(measured.lag_s * 1e3),
                "cpu_percent": round(measured.cpu * 100),
                "free_ports_percent": round(free_ports * 100),
                "invites_dropped": self._dropped,
            },
        )
