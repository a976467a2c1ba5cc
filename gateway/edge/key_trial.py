"""Whether a provider takes a stored key: one cheap request, asked for by a person (decision 0036).

It goes where requests with this key would go, by the same pool and under the same guard. Of the answer only the status is
looked at: its body may repeat what was sent.
"""

import asyncio
from typing import Final

from gateway.edge.keys import custom_of, plain_fields, stored_key_lines
from gateway.edge.settings import Settings
from gateway.edge.targeting import Directory, split_url
from gateway.link.frames import Tried, TryKey
from gateway.model.faults import Refusal
from gateway.model.routes import Route, Surface
from gateway.model.service import EdgeConfig
from gateway.model.targets import Origin
from gateway.providers import key_checks, registry
from gateway.upstream.causes import cause_of
from gateway.upstream.pool import Pool
from gateway.upstream.port import UpstreamFailure

DEADLINE_S: Final = 10.0
_HEAD: Final = b"GET %b HTTP/1.1\r\nhost: %b\r\naccept: application/json\r\nuser-agent: authenticated-gateway\r\n%b\r\n"


class KeyTrial:
    def __init__(self, config: EdgeConfig, settings: Settings, pool: Pool) -> None:
        self._allow_private = config.allow_private_custom
        self._directory = Directory(config)
        self._settings = settings
        self._pool = pool

    async def run(self, frame: TryKey) -> Tried:
        """Never raises but when it is cancelled."""
        try:
            asked = self._request(frame)
        except (Refusal, ValueError):
            return Tried(frame.ask, "absent")
        if asked is None:
            return Tried(frame.ask, "untestable")
        try:
            async with asyncio.timeout(DEADLINE_S):
                status = await self._status(*asked)
        except TimeoutError:
            return Tried(frame.ask, "unreachable", cause="timeout")
        except UpstreamFailure as failure:
            return Tried(frame.ask, "unreachable", cause=cause_of(failure))
        return Tried(frame.ask, key_checks.verdict_on(status), status)

    def _request(self, frame: TryKey) -> tuple[Origin, bytes, bool] | None:
        """Origin, head, and whether private addresses are refused; None where nobody knows what to ask for. Raises Refusal or
        ValueError where this edge has no such key."""
        plan = self._settings.plan_for(Route(Surface.PROVIDER_NATIVE, frame.account_id, frame.gateway_id))
        provider = self._directory.by_slug(frame.provider, plan.custom)
        key = plan.keys.get((provider.slug, frame.alias))
        if key is None:
            raise ValueError("no such key")
        path, base = key_checks.path_for(provider), self._directory.base(provider)
        if not path:
            return None
        origin, target = split_url(registry.native_url(provider, path, account_id=frame.account_id, base_url=base))
        custom = custom_of(plan, provider)
        fields = {} if custom is None else plain_fields(custom.headers)
        lines = stored_key_lines(provider.credential, key.secret) + b"".join(
            b"%b: %b\r\n" % (name.encode(), value.strip().encode())
            for name, value in {**provider.extra_headers, **fields}.items()
        )
        head = _HEAD % (target.encode(), origin.authority.encode(), lines)
        return origin, head, custom is not None and not self._allow_private

    async def _status(self, origin: Origin, head: bytes, guarded: bool) -> int:
        connection = await self._pool.connection(origin, guarded=guarded, fresh=True)
        try:
            connection.start("GET", with_body=False)
            connection.send(head)
            return (await connection.expect_head(DEADLINE_S)).status
        finally:
            connection.close()  # with what is left of the answer
            connection.release()
