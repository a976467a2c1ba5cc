"""Clients that do everything right, while others do not: how long they take, and whatever fails them.

Three come with a token that is known, again and again (`fakes/load.py`); one with a token that was made a moment ago, which it
then deletes; and a yardstick asks the provider itself, which tells how slow the machine is by itself just now.
"""

import http.client
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Self

from fakes.load import PATIENCE_S, WHOLE, Load
from fakes.service import Service, Token, call

PAUSE_S = 1.0
"""Between two tokens of the newcomer, each of which is revoked."""
CLIENTS = 3


@dataclass
class Times:
    seconds: list[float] = field(default_factory=list)

    def share(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def __str__(self) -> str:
        middle, late, last = (self.share(share) * 1000 for share in (0.5, 0.99, 1.0))
        return f"{len(self.seconds)}: median {middle:.0f} ms, p99 {late:.0f} ms, longest {last:.0f} ms"


class Canary:
    """While the block lasts; `failures` afterwards is empty where all is well."""

    def __init__(self, service: Service, token: Token, gateway_id: str, provider_origin: str) -> None:
        self._service, self._gateway_id = service, gateway_id
        self._provider = urllib.parse.urlsplit(provider_origin)
        self._load = Load(service, token.value, clients=CLIENTS, gateway_id=gateway_id)
        self._done = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._newcomer, self._measure)]
        self._trouble: list[str] = []
        self.newcomers, self.revocations, self.yardstick = Times(), Times(), Times()

    def __enter__(self) -> Self:
        self._load.__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
        self._load.__exit__(*how)

    @property
    def known(self) -> Times:
        return Times(self._load.taken_s)

    @property
    def answered(self) -> int:
        return self._load.outcomes["ok"] + len(self.newcomers.seconds)

    @property
    def races(self) -> int:
        """Requests that may have been answered or not: each was sent again."""
        return self._load.races

    @property
    def failures(self) -> list[str]:
        failed = {outcome: count for outcome, count in self._load.outcomes.items() if outcome != "ok"}
        return [f"{count} × {outcome}" for outcome, count in failed.items()] + self._trouble

    def _newcomer(self) -> None:
        management = self._service.management
        while not self._done.wait(PAUSE_S):
            try:
                token = management.create_token("newcomer")
                began = time.monotonic()
                self._expect(token, 200)
                self.newcomers.seconds.append(time.monotonic() - began)
                began = time.monotonic()
                management.delete_token(token.id)
                self.revocations.seconds.append(time.monotonic() - began)
                self._expect(token, 401)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self._trouble.append(f"newcomer: {error!r}")

    def _expect(self, token: Token, status: int) -> None:
        path = f"/v1/{self._service.account}/{self._gateway_id}/openai/chat/completions"
        fields = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer provider-key"}
        answer = call(self._service.origin, "POST", path, headers=fields, body=WHOLE, timeout_s=PATIENCE_S)
        assert answer.status == status, f"{answer.status} instead of {status}: {answer.body[:200]!r}"

    def _measure(self) -> None:
        """What the same request takes without a gateway."""
        while not self._done.wait(0.05):
            began = time.monotonic()
            connection = http.client.HTTPConnection(self._provider.hostname or "", self._provider.port, timeout=PATIENCE_S)
            connection.request("POST", "/yardstick/chat/completions", WHOLE, {"Content-Type": "application/json"})
            connection.getresponse().read()
            connection.close()
            self.yardstick.seconds.append(time.monotonic() - began)
