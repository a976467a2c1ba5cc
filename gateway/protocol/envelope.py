"""The v4 envelope of the management API: `result, success, errors, messages, result_info` (specification section 19.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.model.faults import Fault


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors`."""

    code: int
    message: str
    path: tuple[str | int, ...] = ()
    """Where in the request, such as ("body", "cache_ttl"); empty when it is not about one place."""


@dataclass(frozen=True, slots=True)
class PageInfo:
    page: int
    per_page: int
    count: int
    """Items on this page."""
    total_count: int
    with_pages: bool = False
    """Whether `total_pages` is told as well (custom providers)."""

    def shown(self) -> dict[str, int]:
        info = {"page": self.page, "per_page": self.per_page, "count": self.count, "total_count": self.total_count}
        if self.with_pages:
            info["total_pages"] = -(-self.total_count // self.per_page)
        return info


@dataclass(frozen=True, slots=True)
class CursorInfo:
    count: int
    cursor: str
    """Where the next page begins; empty on the last."""

    def shown(self) -> dict[str, Any]:
        """In both places: Cloudflare's reference has `cursor`, and its SDKs turn pages by `cursors.after`."""
        return {"count": self.count, "cursor": self.cursor, "cursors": {"after": self.cursor}}


def success(result: object, info: PageInfo | CursorInfo | None = None, messages: Sequence[str] = ()) -> bytes:
    """The envelope of a success."""
    told = [{"code": 10000, "message": text, "type": None} for text in messages]
    envelope: dict[str, Any] = {"result": result, "success": True, "errors": [], "messages": told}
    if info is not None:
        envelope["result_info"] = info.shown()
    return orjson.dumps(envelope)


def failure(problems: Iterable[Problem]) -> bytes:
    """The envelope of a refusal (shape A of section 19.1), every problem listed. Official SDKs type `path` as texts only."""
    errors = [
        {"code": problem.code, "message": problem.message} | ({"path": [*map(str, problem.path)]} if problem.path else {})
        for problem in problems
    ]
    return orjson.dumps({"result": None, "success": False, "errors": errors, "messages": []})


def problem_of(fault: Fault, message: str | None = None) -> Problem:
    """A fault as REST and management spell it."""
    return Problem(fault.rest_code or fault.code, message or fault.rest_message or fault.message)


def rfc3339(wall_s: float) -> str:
    """A moment (seconds since the epoch) as RFC 3339 in UTC with milliseconds, such as 2026-10-01T12:00:00.000Z."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def rfc3339_or_none(wall_s: float | None) -> str | None:
    return None if wall_s is None else rfc3339(wall_s)
