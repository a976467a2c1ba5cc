"""Looking at the processes of a running service: who is there, and waiting until something is so."""

import http.client
import time
import urllib.parse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from fakes.service import Service

DEADLINE_S = 60.0
T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "", deadline_s: float = DEADLINE_S) -> T:
    """The condition's value as soon as it is true; AssertionError when it does not become so."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {deadline_s} s: {what or condition}")


def children(service: Service, role: str = "") -> list[int]:
    """Process ids below the supervisor: all, or those of the role `_worker` or `_control`."""
    assert service.process is not None
    pid = service.process.pid
    try:
        found = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [child for child in found if role in _arguments(child)]


def workers(service: Service) -> list[int]:
    return children(service, "_worker")


def control(service: Service) -> list[int]:
    return children(service, "_control")


def _arguments(pid: int) -> list[str]:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []
    return [*arguments, ""] if any(arguments) else []


def alive(pids: Iterable[int]) -> list[int]:
    """Those that still run; a process that ended and waits for its parent does not."""
    return [pid for pid in pids if _state(pid) not in ("", "Z", "X")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def memory_kb(pid: int) -> int:
    """What of it is in memory."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


class Stream:
    """One streamed request, read piece by piece."""

    def __init__(self, origin: str, path: str, headers: dict[str, str], body: bytes) -> None:
        at = urllib.parse.urlsplit(origin)
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=DEADLINE_S)
        self._connection.request("POST", path, body=body, headers={"Content-Type": "application/json", **headers})
        self._response = self._connection.getresponse()
        self.status = self._response.status

    def piece(self) -> bytes:
        """What came since the last piece; empty at a clean end. http.client.IncompleteRead for a cut."""
        return self._response.read1(65536)

    def rest(self) -> bytes:
        return self._response.read()

    def close(self) -> None:
        self._response.close()
        self._connection.close()


CHAT = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}'


def open_stream(service: Service, token: str, gateway_id: str = "default") -> Stream:
    """A streamed chat completion on the native path."""
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer provider-key"}
    return Stream(service.origin, path, headers, CHAT)
