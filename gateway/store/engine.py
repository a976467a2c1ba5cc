"""From a URL to a store."""

from gateway.store.database import postgres_database, sqlite_database
from gateway.store.port import Store
from gateway.store.relational import RelationalStore

_SQLITE = "sqlite:///"


def open_store(url: str, *, create: bool = True) -> Store:
    """A store for `sqlite:////absolute/path`, `sqlite:///relative/path` or `postgresql://…`; its `open` connects.
    `create`: whether a file that is not there may be made.

    Raises ValueError for any other URL, without repeating it (it may hold a password); ImportError when
    PostgreSQL is asked for and the extra `postgres` is not installed.
    """
    if url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
        if not path or path == ":memory:" or "\0" in path:
            raise ValueError("the store's URL names no file: want sqlite:////absolute/path")
        return RelationalStore(sqlite_database(path, create=create))
    if url.startswith(("postgresql://", "postgres://")):
        return RelationalStore(postgres_database(url))
    raise ValueError("the store's URL must begin with sqlite:/// or postgresql://")
