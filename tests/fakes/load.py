"""A steady crowd of clients in threads, and an account of what befell them. For tests that break something meanwhile."""

import http.client
import random
import threading
import time
import urllib.parse
from collections import Counter
from typing import Self

from fakes.processes import CHAT
from fakes.service import Service

PATIENCE_S = 60.0
PAUSE_S = 0.02
"""Between two requests of a client: this is about what fails, not about how much is carried."""
WHOLE = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'


class Load:
    """`clients` keep-alive clients, one in three asking for streams, until the block ends.

    `outcomes` counts `ok`, `refused` (no connection), `cut` (it ended before the answer did), `late` and `status N`.
    A connection that the gateway ended while idle, or after announcing it, is opened anew like any client would.
    """

    def __init__(
        self, service: Service, token: str, *, clients: int = 6, leave_share: float = 0.0, gateway_id: str = "default"
    ) -> None:
        """`leave_share`: of the requests, so many are given up by the client after the head; they count as `left`."""
        at = urllib.parse.urlsplit(service.origin)
        self._host, self._port = at.hostname or "", at.port or 0
        self._path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
        self._fields = {
            "cf-aig-authorization": f"Bearer {token}",
            "Authorization": "Bearer provider-key",
            "Content-Type": "application/json",
        }
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]
        self.outcomes: Counter[str] = Counter()
        self.taken_s: list[float] = []
        """How long each took that went well."""
        self.races = 0
        """Requests on reused connections that had ended; clients send those again."""
        self.clients = clients
        self._leave_share = leave_share

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.more(self.clients)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def more(self, count: int) -> None:
        """Wait until so many more requests went well."""
        wanted = self.outcomes["ok"] + count
        deadline = time.monotonic() + PATIENCE_S
        while self.outcomes["ok"] < wanted:
            assert time.monotonic() < deadline, f"no progress: {self.outcomes}"
            time.sleep(0.01)

    @property
    def failed(self) -> int:
        return sum(self.outcomes.values()) - self.outcomes["ok"] - self.outcomes["left"]

    def _client(self, number: int) -> None:
        connection: http.client.HTTPConnection | None = None
        turn = number
        while not self._done.wait(PAUSE_S):
            turn += 1
            fresh = connection is None
            if connection is None:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_S)
            began = time.monotonic()
            outcome, keep = self._ask(connection, CHAT if turn % 3 == 0 else WHOLE, fresh=fresh)
            taken_s = time.monotonic() - began
            if not keep:
                connection.close()
                connection = None
            with self._lock:
                if outcome:
                    self.outcomes[outcome] += 1
                else:
                    self.races += 1
                if outcome == "ok":
                    self.taken_s.append(taken_s)
        if connection is not None:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, body: bytes, *, fresh: bool) -> tuple[str, bool]:
        try:
            connection.request("POST", self._path, body, self._fields)
            answer = connection.getresponse()
        except ConnectionRefusedError:
            return "refused", False
        except TimeoutError:
            return "late", False
        except (ConnectionError, http.client.HTTPException):
            # On a reused connection this is the idle-close race, which every client repeats; on a fresh one a loss.
            return ("cut" if fresh else ""), False
        if self._leave_share and random.random() < self._leave_share:
            answer.close()
            return "left", False
        try:
            text = answer.read()
        except TimeoutError:
            return "late", False
        except (http.client.HTTPException, ConnectionError):
            return "cut", False
        whole = text.endswith(b"data: [DONE]\n\n") if body is CHAT else text.endswith(b"}")
        outcome = f"status {answer.status}" if answer.status != 200 else "ok" if whole else "wrong bytes"
        return outcome, not answer.will_close
