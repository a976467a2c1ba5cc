"""Whether a start may begin a new store (decision 0024): `new-store` in the data folder says so."""

import os
from pathlib import Path
from typing import Final

from gateway.model.service import NEW_STORE_NAME
from gateway.run.layers import ConfigError

_SQLITE: Final = "sqlite:///"
_OLD: Final = ("pepper", "master-key", "bootstrap-token")
"""What an earlier start left in the data folder."""


def expects_new_store(data_dir: Path, store_url: str) -> bool:
    """Whether this start may make keys and store. New keys beside an old store would make every token in it unknown; a store
    that is missing beside old keys got lost, unless `new-store` in the folder says otherwise."""
    store = Path(store_url.removeprefix(_SQLITE)) if store_url.startswith(_SQLITE) else None
    if store is not None and store.exists():
        return False
    expected = data_dir / NEW_STORE_NAME
    if not expected.exists():
        if any((data_dir / name).exists() for name in _OLD):
            return False
        allow_new_store(data_dir)
    return True


def require_store(data_dir: Path, store_url: str) -> None:
    """ConfigError when a store that is a file is not there."""
    store = store_url.removeprefix(_SQLITE)
    if store_url.startswith(_SQLITE) and not os.path.exists(store):
        raise ConfigError(
            f"{store} is missing, but {data_dir} holds what an earlier start left: restore the store, "
            "or start with --new-store to begin a new one"
        )


def allow_new_store(data_dir: Path) -> None:
    """Have the next start make a new store where there is none."""
    try:
        (data_dir / NEW_STORE_NAME).touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"{data_dir}: cannot be written to ({error.strerror})") from None
