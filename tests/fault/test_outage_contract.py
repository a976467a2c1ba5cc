"""The outage contract: fresh → 200; stale within its grace → 200 with a marker; unknown or past it → 503 and Retry-After."""

from fakes.clock import FakeClock
from fakes.edge import Reply, RunningEdge, gateway, runner
from fakes.provider import FakeProvider

from gateway.link.frames import Revoke
from gateway.model.service import TokenCaching

MARKER = "x-gateway-auth"


async def test_fresh_stale_and_unknown_while_control_is_away(provider: FakeProvider) -> None:
    clock, caching = FakeClock(), TokenCaching()
    async with RunningEdge(gateways=[gateway("g1")], providers={"openai": provider.origin}, clock=clock) as edge:
        known, unknown = edge.admit(), edge.admit()

        async def ask(token: str) -> Reply:
            headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer k"}
            return await edge.ask("POST", edge.native("g1", "openai/x"), headers, b"{}")

        def told(answer: Reply) -> tuple[int, str | None, str | None]:
            return answer.status, answer.header(MARKER), answer.header("retry-after")

        assert told(await ask(known)) == (200, None, None)
        edge.link.cut()
        assert told(await ask(unknown)) == (503, None, "2")
        clock.advance(caching.ttl_s + 1)
        assert told(await ask(known)) == (200, "stale", None)
        assert (await edge.ask("POST", edge.native("g1", "openai/x"), {"Authorization": "Bearer k"}, b"{}")).status == 401
        clock.advance(caching.grace_s)
        assert told(await ask(known)) == (503, None, "2")


async def test_a_grace_is_no_longer_than_the_token(provider: FakeProvider) -> None:
    """Who expires, or was revoked, while control is away is refused like at any other time (60, 4)."""
    clock, caching = FakeClock(), TokenCaching()
    async with RunningEdge(gateways=[gateway("g1")], providers={"openai": provider.origin}, clock=clock) as edge:
        short = edge.admit(runner(expires_on=clock.wall() + caching.ttl_s + 10))
        revoked, lasting = edge.admit(), edge.admit()

        async def ask(token: str) -> int:
            headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer k"}
            return (await edge.ask("POST", edge.native("g1", "openai/x"), headers, b"{}")).status

        assert [await ask(token) for token in (short, revoked, lasting)] == [200, 200, 200]
        edge.link.deliver(Revoke(edge.digest(revoked)))
        edge.link.cut()
        clock.advance(caching.ttl_s + 1)
        assert [await ask(token) for token in (short, revoked, lasting)] == [200, 503, 200]
        clock.advance(10)
        assert [await ask(token) for token in (short, revoked, lasting)] == [401, 503, 200]
