from pathlib import Path

import pytest

from gateway.run.config import Settings, load, read_settings
from gateway.run.layers import ConfigError
from gateway.run.new_store import allow_new_store


def test_what_an_earlier_start_left_wants_its_store(tmp_path: Path) -> None:
    data_dir, store = tmp_path / "data", tmp_path / "data" / "gateway.db"
    first = load(Settings(), data_dir, {}, tmp_path)
    (data_dir / "new-store").unlink()  # as control does once it has a store
    with pytest.raises(ConfigError, match=r"gateway\.db is missing, but .* --new-store"):
        load(Settings(), data_dir, {}, tmp_path)
    store.touch()
    assert load(Settings(), data_dir, {}, tmp_path) == first
    (data_dir / "pepper").unlink()
    for _ in ("with its store", "without"):
        with pytest.raises(ConfigError, match="pepper is missing: the store needs the key it was made with"):
            load(Settings(), data_dir, {}, tmp_path)
        store.unlink(missing_ok=True)
    allow_new_store(data_dir)
    assert load(Settings(), data_dir, {}, tmp_path).control.pepper != first.control.pepper


def test_keys_are_made_for_no_store_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.db").touch()
    settings = read_settings("", {"GATEWAY_STORE__URL": f"sqlite:///{tmp_path}/elsewhere.db"}, {})
    with pytest.raises(ConfigError, match="pepper is missing"):
        load(settings, tmp_path / "data", {}, tmp_path)
    assert not list((tmp_path / "data").iterdir())


def test_keys_from_credentials_are_no_sign_of_an_earlier_start(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("pepper", "master-key"):
        (credentials / name).write_text("ab" * 32)
        (credentials / name).chmod(0o400)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    load(Settings(), tmp_path / "data", environ, tmp_path)
    (tmp_path / "data" / "new-store").unlink()
    (tmp_path / "data" / "bootstrap-token").touch()
    with pytest.raises(ConfigError, match=r"gateway\.db is missing"):
        load(Settings(), tmp_path / "data", environ, tmp_path)
