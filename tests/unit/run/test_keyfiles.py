import stat
from pathlib import Path

import pytest

from gateway.run.keyfiles import key_from, private_folder, read_secret, write_secret
from gateway.run.layers import ConfigError


def secret(path: Path, text: str = "hush", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "credential", "accepted"),
    [
        (0o600, False, True),
        (0o400, False, True),
        (0o640, False, False),
        (0o604, False, False),
        (0o644, False, False),
        (0o620, False, False),
        (0o400, True, True),
        (0o440, True, True),
        (0o444, True, False),
        (0o644, True, False),
        (0o660, True, False),
    ],
)
def test_secrets_that_others_may_read_are_refused(tmp_path: Path, mode: int, credential: bool, accepted: bool) -> None:
    path = secret(tmp_path / "s", mode=mode)
    if accepted:
        assert read_secret(path, credential=credential) == "hush"
    else:
        with pytest.raises(ConfigError) as caught:
            read_secret(path, credential=credential)
        assert str(caught.value).startswith(f"{path}: others may read this secret")
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent", "folder"])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="the secret cannot be read"):
        read_secret(tmp_path / name)


def test_a_key_is_made_once_with_32_random_bytes(tmp_path: Path) -> None:
    key = key_from("pepper", tmp_path, "")
    assert len(key) == 32
    assert key_from("pepper", tmp_path, "") == key
    assert key_from("master-key", tmp_path, "") != key
    assert (tmp_path / "pepper").read_text() == key.hex() + "\n"
    assert stat.S_IMODE((tmp_path / "pepper").stat().st_mode) == 0o600


def test_a_credential_goes_before_the_data_folder(tmp_path: Path) -> None:
    data, credentials = tmp_path / "data", tmp_path / "credentials"
    data.mkdir()
    credentials.mkdir()
    secret(credentials / "pepper", "ab" * 32, 0o400)
    assert key_from("pepper", data, str(credentials)) == b"\xab" * 32
    assert not (data / "pepper").exists()
    assert len(key_from("master-key", data, str(credentials))) == 32
    assert (data / "master-key").exists()


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ü" * 64])
def test_a_key_of_the_wrong_form_is_refused_not_replaced(tmp_path: Path, text: str) -> None:
    path = secret(tmp_path / "pepper", text)
    with pytest.raises(ConfigError) as caught:
        key_from("pepper", tmp_path, "")
    assert str(caught.value).startswith(f"{path}: ")
    assert path.read_text() == text


def test_writing_replaces_a_secret_privately(tmp_path: Path) -> None:
    path = secret(tmp_path / "token", "old", 0o644)
    write_secret(path, "new")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]


def test_the_data_folder_becomes_private(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    for path in (loose, tmp_path / "a" / "b"):
        private_folder(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="the data folder cannot be prepared"):
        private_folder(tmp_path / "file" / "data")
