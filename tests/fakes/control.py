"""A running control for tests: real app on a unix socket, a clock one can move, edges that answer as told."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from gateway.control.app import Control
from gateway.link.frames import DownFrame, Ready, Revoke, Revoked, Snapshot, Tried, TryKey
from gateway.model.service import ControlConfig
from gateway.model.tokens import ALL_PERMISSIONS
from gateway.store.store import Store

ACCOUNT = "0123456789abcdef0123456789abcdef"
REQUIRED: dict[str, Any] = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}


class MovableClock:
    """Both times stand still until `move`."""

    def __init__(self, wall_s: float = 1_790_000_000.0) -> None:
        self._wall_s = wall_s
        self._monotonic_s = 100.0

    def wall(self) -> float:
        return self._wall_s

    def monotonic(self) -> float:
        return self._monotonic_s

    def move(self, seconds: float) -> None:
        self._wall_s += seconds
        self._monotonic_s += seconds


class ObedientEdge:
    """An edge that confirms settings and revocations at once; `deaf` ones never do."""

    def __init__(self, control: Control, edge_id: str, *, deaf: bool = False) -> None:
        self.edge_id = edge_id
        self.sent: list[DownFrame] = []
        self.deaf = deaf
        self.tries: Callable[[TryKey], Tried] | None = None
        """What it says when it is to try a key; without it nothing."""
        self._hub = control.hub
        self._hub.joined(self)
        self._hub.received(self, Ready("worker", 0))

    def send(self, frame: DownFrame) -> bool:
        self.sent.append(frame)
        if isinstance(frame, Snapshot):
            self._hub.received(self, Ready("worker", frame.version))
        if isinstance(frame, Revoke) and not self.deaf:
            self._hub.received(self, Revoked(frame.digest))
        if isinstance(frame, TryKey) and self.tries is not None:
            self._hub.received(self, self.tries(frame))
        return True

    def of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.sent if isinstance(frame, kind)]


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def result(self) -> Any:
        assert self.status == 200, self.body
        return self.json["result"]

    @property
    def codes(self) -> list[int]:
        return [problem["code"] for problem in self.json["errors"]]

    @property
    def paths(self) -> set[tuple[Any, ...]]:
        return {tuple(problem["path"]) for problem in self.json["errors"]}


@dataclass
class Rig:
    control: Control
    clock: MovableClock
    client: aiohttp.ClientSession
    config: ControlConfig
    store: Store
    handed_out: list[str] = field(default_factory=list)
    client_address: str = "192.0.2.1"
    check: Callable[[str, str, Reply], None] | None = None
    """Sees method, path and answer of each call of the v4 API."""

    @property
    def bootstrap(self) -> str:
        return self.handed_out[-1]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Any = None,
        raw: Any = None,
    ) -> Reply:
        """One request; `path` from `/client/v4` on unless it starts with `//`. Without a token: the bootstrap token."""
        fields = [("x-gateway-client", self.client_address)]
        fields += list(headers) if headers is not None else [("Authorization", f"Bearer {token or self.bootstrap}")]
        url = f"http://control{path[1:]}" if path.startswith("//") else f"http://control/client/v4{path}"
        data = raw if raw is not None else None if body is None else orjson.dumps(body)
        async with self.client.request(method, url, data=data, headers=fields, allow_redirects=False) as answer:
            reply = Reply(answer.status, answer.headers.copy(), await answer.read())
        if self.check is not None and not path.startswith("//"):
            self.check(method, path, reply)
        return reply

    async def ai(self, method: str, path: str, body: Any = None, *, token: str | None = None, account: str = ACCOUNT) -> Reply:
        return await self.call(method, f"/accounts/{account}/ai-gateway{path}", body, token=token)

    async def make_gateway(self, gateway_id: str, account: str = ACCOUNT, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = (
            await self.ai("POST", "/gateways", {"id": gateway_id, **REQUIRED, **fields}, account=account)
        ).result
        return made

    async def make_token(self, *policies: dict[str, Any], token: str | None = None, **fields: Any) -> dict[str, Any]:
        reply = await self.call(
            "POST", f"/accounts/{ACCOUNT}/tokens", {"name": "t", "policies": policies, **fields}, token=token
        )
        made: dict[str, Any] = reply.result
        return made


def policy(*names: str, account: str = ACCOUNT, scope: Any = "*", effect: str = "allow") -> dict[str, Any]:
    return {
        "effect": effect,
        "permission_groups": [{"name": name} for name in names or ALL_PERMISSIONS],
        "resources": {f"com.cloudflare.api.account.{account}": scope},
    }


@asynccontextmanager
async def running_control(store: Store, *, opens: bool = True, **settings: Any) -> AsyncIterator[Rig]:
    """`opens`: whether the store is there already, so that it is worth waiting for."""
    with tempfile.TemporaryDirectory(prefix="agw") as folder:
        socket = str(Path(folder) / "control.sock")
        config = ControlConfig(
            control_socket=socket,
            **{
                "pepper": b"p" * 32,
                "master_key": b"m" * 32,
                "ops_listen": "",
                "workers": 0,
                "account_id": ACCOUNT,
                "bootstrap_hours": 87_600,
                "bootstrap_stays": True,
                **settings,
            },
        )
        clock = MovableClock()
        handed_out: list[str] = []
        control = Control(config, store, clock, on_bootstrap=handed_out.append)
        await control.start()
        assert control._opening.task is not None
        # It starts without its store after two seconds, which a busy machine may need for the migrations alone.
        if opens:
            await asyncio.wait({control._opening.task}, timeout=20)
        try:
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as client:
                yield Rig(control, clock, client, config, store, handed_out)
        finally:
            await control.close()
