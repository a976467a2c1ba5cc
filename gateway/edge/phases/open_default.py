"""The account's `default` gateway comes into being with its first authenticated request (specification section 4.3)."""

from collections.abc import Awaitable

from gateway.edge.exchange import Exchange
from gateway.edge.settings import Settings
from gateway.kit.aio import SingleFlight
from gateway.link.port import EdgeLink, LinkDown
from gateway.model.faults import CONTROL_DOWN, UNKNOWN_GATEWAY, Refusal


class OpenDefault:
    """The phase of a plan that stands for a missing default gateway."""

    def __init__(self) -> None:
        self.link: EdgeLink | None = None
        self.settings: Settings | None = None
        self._flights: SingleFlight[str, bool] = SingleFlight()

    def __call__(self, x: Exchange) -> Awaitable[None]:
        return self._open(x)

    async def _open(self, x: Exchange) -> None:
        link, settings, route = self.link, self.settings, x.route
        assert link is not None
        assert settings is not None
        assert route is not None
        account_id = route.account_id
        try:
            opened = await self._flights.run(account_id, lambda: link.open_default(account_id))
        except LinkDown:
            raise Refusal(CONTROL_DOWN) from None
        plan = settings.plan_for(route)
        if not opened or plan.gateway is None:
            raise Refusal(UNKNOWN_GATEWAY)
        x.plan = plan
