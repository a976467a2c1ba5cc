"""`gateway keys …` on files and on what the service tells."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from gateway.kit.secret import key_id
from gateway.run import keys
from gateway.run.client import Client
from gateway.run.keyfiles import keys_from, read_keys
from gateway.run.layers import ConfigError


class FakeClient(Client):
    def __init__(self, *told: dict[str, Any]) -> None:
        super().__init__("http://gw", "t")
        self._told = list(told)

        self.gone: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if method == "DELETE":
            self.gone.append(path)
            return {}
        assert (method, path) == ("GET", "/service/keys")
        return {"master-key": self._told, "pepper": self._told}


def told(key: bytes, *, in_use: bool = False, seals: int = 0) -> dict[str, Any]:
    return {"id": key_id(key), "in_use": in_use, "seals": seals}


def given(**more: str) -> argparse.Namespace:
    return argparse.Namespace(**{"kind": "master-key", "until": "", **more})


def test_rotating_and_retiring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (old,) = keys_from("master-key", tmp_path, "")
    keys.rotate(given(), tmp_path)
    new, _ = read_keys(tmp_path / "master-key")
    assert "reload the service" in capsys.readouterr().out
    still = FakeClient(told(new, in_use=True), told(old, seals=2))
    with pytest.raises(SystemExit, match="2 seals depend on"):
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


def pepper(key: bytes, *, in_use: bool = False, tokens: int = 0) -> dict[str, Any]:
    return {"id": key_id(key), "in_use": in_use, "tokens": tokens}


def test_a_pepper_is_retired_when_no_token_depends_on_it(tmp_path: Path) -> None:
    (old,) = keys_from("pepper", tmp_path, "")
    keys.rotate(given(kind="pepper"), tmp_path)
    new, _ = read_keys(tmp_path / "pepper")
    client = FakeClient(pepper(new, in_use=True), pepper(old, tokens=2))
    with pytest.raises(SystemExit, match="2 tokens depend on key"):
        keys.retire(given(kind="pepper", id=key_id(old)), client, tmp_path)
    with pytest.raises(SystemExit, match="in use"):
        keys.retire(given(kind="pepper", id=key_id(new)), client, tmp_path)
    assert not client.gone
    assert len(read_keys(tmp_path / "pepper")) == 2
    client = FakeClient(pepper(new, in_use=True), pepper(old))
    keys.retire(given(kind="pepper", id=key_id(old)), client, tmp_path)
    assert client.gone == [f"/service/keys/pepper/{key_id(old)}?give_up=true"], "the store asks for it no longer"
    assert read_keys(tmp_path / "pepper") == (new,)


def test_a_pepper_has_until_its_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = keys_from("pepper", tmp_path, "")
    keys.rotate(given(kind="pepper", until="2100-01-31"), tmp_path)
    new, _ = read_keys(tmp_path / "pepper")
    client = FakeClient(pepper(new, in_use=True), pepper(old, tokens=2))
    keys.list_all(given(kind="pepper"), client, tmp_path)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"pepper  {key_id(new)}  in use  0 tokens",
        f"pepper  {key_id(old)}  older   2 tokens  until 2100-02-01T00:00:00.000Z",
    ]
    with pytest.raises(SystemExit, match="its time ends at 2100-02-01"):
        keys.retire(given(kind="pepper", id=key_id(old)), client, tmp_path)
    monkeypatch.setattr(keys.time, "time", lambda: 4.2e9)
    keys.retire(given(kind="pepper", id=key_id(old)), client, tmp_path)
    assert read_keys(tmp_path / "pepper") == (new,)
    assert "2 tokens were known by it alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "until", "said"),
    [
        ("pepper", "soon", "--until: Expected an RFC 3339 time"),
        ("pepper", "2020-01-01", "--until: must be in the future"),
        ("pepper", "2020-01-01T00:00:00Z", "--until: must be in the future"),
        ("master-key", "2100-01-01", "--until is for the pepper"),
    ],
)
def test_a_date_that_cannot_be_meant_changes_nothing(tmp_path: Path, kind: str, until: str, said: str) -> None:
    before = keys_from(kind, tmp_path, "")
    with pytest.raises(ConfigError, match=said):
        keys.rotate(given(kind=kind, until=until), tmp_path)
    assert read_keys(tmp_path / kind) == before
