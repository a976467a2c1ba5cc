"""Bodies and queries of the management API → values; every broken rule is told with its path (specification section 4.4)."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, TypeVar

import orjson
from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator

from gateway.control.answers import Invalid, invalid
from gateway.model.faults import INVALID_BODY
from gateway.model.page import Page
from gateway.protocol.envelope import PageInfo, Problem

MAX_INT: Final = 2**31 - 1
"""What every database takes as an integer."""
_LIKE_A_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z._]{0,39}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")

M = TypeVar("M", bound=BaseModel)


def _printable(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError("Control characters are not allowed")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("Control characters are not allowed")
    return text


def _whole(value: object) -> object:
    """60.0 is 60: official SDKs type some integers as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Name = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=65_536), AfterValidator(_no_nul)]
Whole = Annotated[int, BeforeValidator(_whole)]
GATEWAY_ID: Final = r"^[A-Za-z0-9_-]{1,64}\z"


class Body(BaseModel):
    """Base of all bodies and their parts: no coercion, and a field nobody would act on is refused by name."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)
    read_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that answers show: what a GET told may come back in a PUT, and changes nothing."""

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, value: object) -> object:
        if not isinstance(value, dict) or cls.read_only.isdisjoint(value):
            return value
        return {name: given for name, given in value.items() if name not in cls.read_only}

    def given(self) -> dict[str, Any]:
        """The fields that were in the request, as plain values."""
        return self.model_dump(exclude_unset=True, by_alias=True)


async def read_body(request: web.Request, kind: type[M]) -> M:
    """The request's JSON object as `kind`; Invalid with every broken rule."""
    raw = await request.read()
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise invalid("Expected a JSON object", "body") from None
    if not isinstance(value, dict):
        raise invalid("Expected a JSON object", "body")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[Problem]:
    """pydantic's findings in our words: message and path, never the input."""
    return [
        _unknown_field(found["loc"])
        if found["type"] == "extra_forbidden"
        else Problem(INVALID_BODY.code, found["msg"].removeprefix("Value error, "), ("body", *found["loc"]))
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _unknown_field(where: tuple[str | int, ...]) -> Problem:
    """Named when it reads like a field somebody misspelled; anything else may be a secret in the wrong place."""
    *around, name = where
    if _LIKE_A_FIELD.fullmatch(str(name)):
        return Problem(INVALID_BODY.code, "Unknown field", ("body", *where))
    return Problem(INVALID_BODY.code, "Holds an unknown field", ("body", *around))


def page_of(request: web.Request, *, most: int = 100, default: int = 20) -> Page:
    """`page` from 1, `per_page` from 1 to `most`; Invalid with a path into the query."""
    problems: list[Problem] = []
    page = _number(request, "page", 1, MAX_INT // most, problems)
    per_page = _number(request, "per_page", default, most, problems)
    if problems:
        raise Invalid(problems)
    return Page(page=page, per_page=per_page)


def _number(request: web.Request, name: str, default: int, most: int, problems: list[Problem]) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        problems.append(Problem(INVALID_BODY.code, f"Expected a whole number from 1 to {most}", ("query", name)))
        return default
    return int(text)


def search_of(request: web.Request) -> str:
    """`?search=`, bounded; empty for none."""
    text = request.query.get("search", "")
    if len(text) > 256 or "\0" in text:
        raise invalid("Expected a shorter text", "query", "search")
    return text


def info_of(page: Page, items: Sequence[object], total: int, *, with_pages: bool = False) -> PageInfo:
    return PageInfo(page.page, page.per_page, len(items), total, with_pages)
