"""What a month of calls puts on an edge, whoever charges for them."""

from decimal import Decimal

from billing.calls import BillableCall, RouteSource
from billing.concurrency import Peak
from billing.infrastructure import Load
from billing.money import divided
from model.cqr import CallRoute

_SECONDS_PER_MINUTE = 60
USUAL_CALL_S = 180
"""What is taken where nothing is known."""


class Traffic:
    """Adds calls up as they come, those of one connector in the order of their starts."""

    def __init__(self) -> None:
        self._calls = 0
        self._with_quality = 0
        self._carried_s = Decimal(0)
        self._recorded_s = 0
        self._peaks: dict[str, Peak] = {}
        self.priced_s = 0
        """Billed seconds of calls from and to the public network."""

    def add(self, call: BillableCall) -> None:
        """Count a call; one on net has a record at each end, and half its media each."""
        self._calls += 1
        self._recorded_s += call.recorded_s
        self._with_quality += call.route_source is RouteSource.QUALITY_RECORD
        share = Decimal("0.5") if call.route is CallRoute.ON_NET else Decimal(1)
        self._carried_s += share * call.recorded_s
        if call.route is CallRoute.PSTN:
            self.priced_s += call.recorded_s
        self._peaks.setdefault(call.connector_id, Peak()).add(call.started_at, call.ended_at)

    @property
    def concurrent_calls(self) -> int:
        """Return the sum of what each connector had up at its peak: no fewer than at any moment."""
        return sum(peak.most for peak in self._peaks.values())

    @property
    def mean_call_s(self) -> Decimal:
        """Return how long a call was on average; a usual length when there was none."""
        return divided(self._recorded_s, self._calls) if self._calls else Decimal(USUAL_CALL_S)

    def load(self, *, refused: int) -> Load:
        """Return the load; `refused` are records of calls that were not answered."""
        minutes = divided(self._carried_s, _SECONDS_PER_MINUTE)
        return Load(
            minutes=minutes, calls=self._calls, refused=refused, quality_records=self._with_quality
        )
