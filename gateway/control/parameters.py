"""Which parameters of a query a handler acts on. Any other is refused by name: a filter that is not one would show too much."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from aiohttp import web

from gateway.control.answers import Invalid, invalid
from gateway.model.faults import INVALID_BODY
from gateway.protocol.envelope import Problem

H = TypeVar("H", bound=Callable[..., Any])

PAGES: Final = ("page", "per_page")
_LIKE_A_PARAMETER: Final = re.compile(r"[A-Za-z][A-Za-z._]{0,39}")
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def takes(*names: str) -> Callable[[H], H]:
    """Mark a handler with the parameters it reads; one without the mark takes none."""

    def mark(handler: H) -> H:
        handler.parameters = frozenset(names)  # type: ignore[attr-defined]
        return handler

    return mark


def refuse_unknown(request: web.Request) -> None:
    """Raises Invalid with one problem for each parameter that the request's handler does not take."""
    known: frozenset[str] = getattr(request.match_info.handler, "parameters", frozenset())
    if unknown := sorted(request.query.keys() - known):
        # What does not read like a parameter may be a secret in the wrong place.
        raise Invalid(
            Problem(INVALID_BODY.code, "Unknown parameter", ("query", *([name] if _LIKE_A_PARAMETER.fullmatch(name) else [])))
            for name in unknown
        )


def choice_of(request: web.Request, name: str, choices: tuple[str, ...]) -> str:
    """One of the choices; the first when the query does not say. Raises Invalid."""
    text = request.query.get(name, choices[0])
    if text not in choices:
        raise invalid(f"Expected one of {', '.join(choices)}", "query", name)
    return text


def boolean_of(request: web.Request, name: str) -> bool | None:
    """`true`, `false`, `1` or `0`; None when the query does not say. Raises Invalid."""
    text = request.query.get(name)
    if text is None:
        return None
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise invalid("Expected true or false", "query", name)
    return value
