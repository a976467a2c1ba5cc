"""Whether store and keys belong together. The store keeps a value made with each key: no other key makes it, and it tells
nothing of the key.

Rows are called `key-check/KIND/ID`, one for each key of a kind. A store without any is new; it is taken into use only where
`new-store` in the data folder says that a new one is expected: the first start leaves it there, and `--new-store` does.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.model.service import NEW_STORE_NAME, ControlConfig
from gateway.store.port import Store, Unusable

_PREFIX: Final = "key-check/"
FIRST_ID: Final = "1"


def check_value(key: bytes, name: str) -> str:
    """What the store keeps of the key of this name (`KIND/ID`)."""
    return hmac.digest(key, f"gateway {_PREFIX}{name}".encode(), hashlib.sha256).hex()


def may_make_store(data_dir: str) -> bool:
    """Whether a new store is expected; always, for one that has no data folder."""
    return not data_dir or Path(data_dir, NEW_STORE_NAME).exists()


@dataclass(frozen=True, slots=True)
class KeyCheck:
    store: Store
    data_dir: str
    keys: Mapping[str, Mapping[str, bytes]]
    """Kind, which is the name of its file → id → key."""

    @classmethod
    def of(cls, config: ControlConfig, store: Store) -> "KeyCheck":
        keys = {"pepper": {FIRST_ID: config.pepper}, "master-key": {FIRST_ID: config.master_key}}
        return cls(store, config.data_dir, keys)

    async def run(self) -> None:
        """Compare, and write down what is new. Raises Unusable when they do not belong together, StoreDown."""
        found = await self.store.settings_of(_PREFIX)
        if not found and not may_make_store(self.data_dir):
            raise Unusable(
                f"the store is empty, but the keys in {self.data_dir} were made before: restore the store they belong to, "
                "or start with --new-store to begin a new one"
            )
        for kind, keys in self.keys.items():
            stored = {name.removeprefix(f"{_PREFIX}{kind}/"): value for name, value in found.items() if f"/{kind}/" in name}
            self._compare(kind, keys, stored)
            for key_id in keys.keys() - stored.keys():
                name = f"{kind}/{key_id}"
                await self.store.put_setting(_PREFIX + name, check_value(keys[key_id], name))
        self._begun()

    def _compare(self, kind: str, keys: Mapping[str, bytes], stored: Mapping[str, str]) -> None:
        for key_id, value in stored.items():
            if key_id not in keys:
                raise Unusable(f"the store was made with a {kind} (id {key_id}) that is missing from {self._file(kind)}")
            if not hmac.compare_digest(value, check_value(keys[key_id], f"{kind}/{key_id}")):
                raise Unusable(
                    f"{self._file(kind)} is not the {kind} that the store was made with: put that one back, "
                    "or name the store it belongs to (store.url)"
                )

    def _file(self, kind: str) -> str:
        return f"{self.data_dir}/{kind} (or the credential {kind})"

    def _begun(self) -> None:
        if self.data_dir:
            Path(self.data_dir, NEW_STORE_NAME).unlink(missing_ok=True)
