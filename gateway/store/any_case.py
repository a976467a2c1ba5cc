"""Whether a column holds a text, whatever the case of its letters: in both databases, in any locale, beyond ASCII too."""

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from gateway.store import tables

_GLOB_SPECIAL: Final = frozenset("*?[")


def has_text(column: ColumnElement[Any], text: str, *, behind: str = "") -> ColumnElement[bool]:
    """`behind`: what must follow somewhere behind the text."""
    if text.isascii():  # LIKE ignores the case of ASCII letters in both databases, and is the fastest
        escaped = "%".join(part.replace("/", "//").replace("%", "/%").replace("_", "/_") for part in (text, behind) if part)
        return column.ilike(literal(f"%{escaped}%", tables.CleanText), escape="/")
    return _Matches(column, literal(_glob(text, behind), tables.CleanText), literal(_regex(text, behind), tables.CleanText))


class _Matches(FunctionElement[bool]):
    """Column, pattern of SQLite's GLOB, pattern of PostgreSQL's `~`: both keep to the letter, so a letter is a class of two."""

    type = Boolean()
    inherit_cache = True


@compiles(_Matches, "sqlite")
def _sqlite(element: _Matches, compiler: SQLCompiler, **how: Any) -> str:
    column, glob, _ = element.clauses
    return f"{compiler.process(column, **how)} GLOB {compiler.process(glob, **how)}"


@compiles(_Matches, "postgresql")
def _postgresql(element: _Matches, compiler: SQLCompiler, **how: Any) -> str:
    column, _, regex = element.clauses
    return f"{compiler.process(column, **how)} ~ {compiler.process(regex, **how)}"


def _cases(character: str) -> str:
    """The character and its other case, where that is one character (ß and İ have none)."""
    return "".join(sorted({case for case in (character, character.lower(), character.upper()) if len(case) == 1}))


def _glob(text: str, behind: str) -> str:
    def one(character: str) -> str:
        cases = _cases(character)
        return f"[{cases}]" if len(cases) > 1 or character in _GLOB_SPECIAL else character

    return "*" + "*".join("".join(map(one, part)) for part in (text, behind) if part) + "*"


def _regex(text: str, behind: str) -> str:
    def one(character: str) -> str:
        cases = _cases(character)
        return f"[{cases}]" if len(cases) > 1 else re.escape(character)

    return ".*".join("".join(map(one, part)) for part in (text, behind) if part)
