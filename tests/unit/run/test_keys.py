"""`gateway keys …` on files and on what the service tells."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from gateway.kit.secret import key_id
from gateway.run import keys
from gateway.run.client import Client
from gateway.run.keyfiles import keys_from, read_keys


class FakeClient(Client):
    def __init__(self, *told: dict[str, Any]) -> None:
        super().__init__("http://gw", "t")
        self._told = list(told)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        assert (method, path) == ("GET", "/service/keys")
        return {"master-key": self._told}


def told(key: bytes, *, in_use: bool = False, seals: int = 0) -> dict[str, Any]:
    return {"id": key_id(key), "in_use": in_use, "seals": seals}


def given(**more: str) -> argparse.Namespace:
    return argparse.Namespace(kind="master-key", **more)


def test_rotating_and_retiring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (old,) = keys_from("master-key", tmp_path, "")
    keys.rotate(given(), tmp_path)
    new, _ = read_keys(tmp_path / "master-key")
    assert "reload the service" in capsys.readouterr().out
    still = FakeClient(told(new, in_use=True), told(old, seals=2))
    with pytest.raises(SystemExit, match="still seals"):
        keys.retire(given(id=key_id(old)), still, tmp_path)
    assert len(read_keys(tmp_path / "master-key")) == 2
    keys.retire(given(id=key_id(old)), FakeClient(told(new, in_use=True)), tmp_path)
    assert read_keys(tmp_path / "master-key") == (new,)
    assert new.hex() not in capsys.readouterr().out


def test_the_list_shows_ids_and_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (key,) = keys_from("master-key", tmp_path, "")
    gone = b"g" * 32
    keys.list_all(given(), FakeClient(told(key, in_use=True, seals=3), told(gone, seals=1)), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"master-key  {key_id(key)}  in use  3 seals",
        f"master-key  {key_id(gone)}  older   1 seals  MISSING from the file",
    ]
