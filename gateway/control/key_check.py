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

from gateway.kit.secret import key_id
from gateway.model.service import NEW_STORE_NAME, ControlConfig
from gateway.store.errors import Unusable
from gateway.store.facts import FactTable

PREFIX: Final = "key-check/"
RETIRED: Final = "retired"
"""Of a pepper that the operator gave up: it may be missing."""


def check_value(key: bytes, name: str) -> str:
    """What the store keeps of the key of this name (`KIND/ID`)."""
    return hmac.digest(key, f"gateway {PREFIX}{name}".encode(), hashlib.sha256).hex()


def may_make_store(data_dir: str) -> bool:
    """Whether a new store is expected; always, for one that has no data folder."""
    return not data_dir or Path(data_dir, NEW_STORE_NAME).exists()


@dataclass(frozen=True, slots=True)
class KeyCheck:
    facts: FactTable
    data_dir: str
    keys: Mapping[str, Mapping[str, bytes]]
    """Kind, which is the name of its file → id → key."""

    @classmethod
    def of(cls, config: ControlConfig, facts: FactTable) -> "KeyCheck":
        master_keys = (config.master_key, *config.older_master_keys)
        keys = {"pepper": (config.pepper, *config.older_peppers), "master-key": master_keys}
        return cls(facts, config.data_dir, {kind: {key_id(key): key for key in those} for kind, those in keys.items()})

    async def run(self) -> None:
        """Compare, and write down what is new. Raises Unusable when they do not belong together, StoreDown."""
        found = await self.facts.beginning(PREFIX)
        if not found and not may_make_store(self.data_dir):
            raise Unusable(
                f"the store is empty, but the keys in {self.data_dir} were made before: restore the store they belong to, "
                "or start with --new-store to begin a new one"
            )
        for kind, keys in self.keys.items():
            stored = {name.removeprefix(f"{PREFIX}{kind}/"): value for name, value in found.items() if f"/{kind}/" in name}
            self._compare(kind, keys, stored)
            for one in keys.keys() - stored.keys():
                name = f"{kind}/{one}"
                await self.facts.put(PREFIX + name, check_value(keys[one], name))
        self._begun()

    def _compare(self, kind: str, keys: Mapping[str, bytes], stored: Mapping[str, str]) -> None:
        for one, value in stored.items():
            if value == RETIRED:
                continue
            if one not in keys:
                raise Unusable(
                    f"{self._file(kind)} is not the {kind} that the store was made with (id {one} is missing): put that "
                    "one back, or name the store it belongs to (store.url)"
                )
            if not hmac.compare_digest(value, check_value(keys[one], f"{kind}/{one}")):
                raise Unusable(
                    f"{self._file(kind)} is not the {kind} that the store was made with: put that one back, "
                    "or name the store it belongs to (store.url)"
                )

    def _file(self, kind: str) -> str:
        return f"{self.data_dir}/{kind} (or the credential {kind})"

    def _begun(self) -> None:
        if self.data_dir:
            Path(self.data_dir, NEW_STORE_NAME).unlink(missing_ok=True)
