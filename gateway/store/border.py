"""The one place where a database's errors become the store's: Conflict or StoreDown."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from gateway.store.errors import Conflict, StoreDown

_TAKEN: Final = frozenset({"23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"})
_BELONGS_NOWHERE: Final = frozenset({"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"})


@contextmanager
def border() -> Iterator[None]:
    """Raise Conflict or StoreDown for whatever the driver, the system or SQLAlchemy raises inside.

    The original is named but not chained: its text may hold the values of the row.
    """
    try:
        yield
    except IntegrityError as error:
        code = _code(error)
        if code in _TAKEN:
            raise Conflict("a row with this key exists") from None
        if code in _BELONGS_NOWHERE:
            raise Conflict("what this row belongs to does not exist") from None
        raise StoreDown(_reason(error)) from None
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StoreDown(_reason(error)) from None


def _driver_error(error: BaseException) -> BaseException:
    """What the driver itself raised: SQLAlchemy wraps it once, its asyncpg adapter a second time."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    cause = error.__cause__
    return cause if cause is not None and getattr(cause, "sqlstate", None) is not None else error


def _code(error: BaseException) -> str:
    """SQLSTATE of PostgreSQL or error name of SQLite; empty when there is neither."""
    origin = _driver_error(error)
    return str(getattr(origin, "sqlstate", None) or getattr(origin, "sqlite_errorname", None) or "")


def _reason(error: BaseException) -> str:
    """Class and code of the error: enough to look it up, and free of values."""
    origin = _driver_error(error)
    detail = _code(error) or (origin.strerror if isinstance(origin, OSError) else None)
    return f"{type(origin).__name__} ({detail})" if detail else type(origin).__name__
