import sqlite3
import traceback

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, TimeoutError

from gateway.store.border import border
from gateway.store.errors import Conflict, StoreDown


def _sqlite(kind: type[Exception], name: str) -> Exception:
    error = kind("SECRET value")
    error.sqlite_errorname = name
    return error


class UniqueViolationError(Exception):
    sqlstate = "23505"


class NotNullViolationError(Exception):
    sqlstate = "23502"


class ForeignKeyViolationError(Exception):
    sqlstate = "23503"


class CannotConnectNowError(Exception):
    sqlstate = "57P03"


def _postgres(kind: type[Exception]) -> Exception:
    """As SQLAlchemy's adapter raises it: an error of its own, caused by asyncpg's."""
    adapted = Exception("SECRET DETAIL: Failing row contains (SECRET)")
    adapted.sqlstate = kind.sqlstate
    adapted.__cause__ = kind("SECRET")
    return adapted


@pytest.mark.parametrize(
    ("raised", "becomes", "says"),
    [
        (IntegrityError("INSERT", None, _sqlite(sqlite3.IntegrityError, "SQLITE_CONSTRAINT_UNIQUE")), Conflict, "exists"),
        (IntegrityError("INSERT", None, _sqlite(sqlite3.IntegrityError, "SQLITE_CONSTRAINT_PRIMARYKEY")), Conflict, "exists"),
        (IntegrityError("INSERT", None, _sqlite(sqlite3.IntegrityError, "SQLITE_CONSTRAINT_FOREIGNKEY")), Conflict, "belongs"),
        (IntegrityError("INSERT", None, _sqlite(sqlite3.IntegrityError, "SQLITE_CONSTRAINT_NOTNULL")), StoreDown, "NOTNULL"),
        (IntegrityError("INSERT", None, _postgres(UniqueViolationError)), Conflict, "exists"),
        (IntegrityError("INSERT", None, _postgres(ForeignKeyViolationError)), Conflict, "belongs"),
        (IntegrityError("INSERT", None, _postgres(NotNullViolationError)), StoreDown, "NotNullViolationError (23502)"),
        (DBAPIError("SELECT", None, _postgres(CannotConnectNowError)), StoreDown, "CannotConnectNowError (57P03)"),
        (
            DBAPIError("SELECT", None, _sqlite(sqlite3.OperationalError, "SQLITE_BUSY")),
            StoreDown,
            "OperationalError (SQLITE_BUSY)",
        ),
        (_sqlite(sqlite3.DatabaseError, "SQLITE_NOTADB"), StoreDown, "DatabaseError (SQLITE_NOTADB)"),
        (SQLAlchemyError("SECRET"), StoreDown, "SQLAlchemyError"),
        (TimeoutError("SECRET"), StoreDown, "TimeoutError"),
        (ConnectionRefusedError(111, "Connection refused"), StoreDown, "ConnectionRefusedError (Connection refused)"),
        (OSError("SECRET"), StoreDown, "OSError"),
    ],
)
def test_foreign_errors_become_ours_without_their_text(raised, becomes, says):
    with pytest.raises(becomes) as caught, border():
        raise raised
    assert says in str(caught.value)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("ours", [Conflict("x"), StoreDown("x"), KeyError("a bug"), KeyboardInterrupt()])
def test_what_is_not_the_databases_passes(ours):
    with pytest.raises(type(ours)) as caught, border():
        raise ours
    assert caught.value is ours
