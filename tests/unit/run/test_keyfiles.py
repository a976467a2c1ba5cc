import stat
from pathlib import Path

import pytest

from gateway.kit.secret import key_id
from gateway.run.keyfiles import (
    MOST_KEYS,
    key_file,
    keys_from,
    private_folder,
    read_key_lines,
    read_keys,
    read_secret,
    retire_key,
    rotate_key,
    write_secret,
)
from gateway.run.layers import ConfigError


def key_of(name: str, data_dir: Path, credentials_dir: str, *, make: bool = True) -> bytes:
    (only,) = keys_from(name, data_dir, credentials_dir, make=make)
    return only


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
    key = key_of("pepper", tmp_path, "")
    assert len(key) == 32
    assert key_of("pepper", tmp_path, "") == key
    assert key_of("master-key", tmp_path, "") != key
    assert (tmp_path / "pepper").read_text() == key.hex() + "\n"
    assert stat.S_IMODE((tmp_path / "pepper").stat().st_mode) == 0o600


def test_a_credential_goes_before_the_data_folder(tmp_path: Path) -> None:
    data, credentials = tmp_path / "data", tmp_path / "credentials"
    data.mkdir()
    credentials.mkdir()
    secret(credentials / "pepper", "ab" * 32, 0o400)
    assert key_of("pepper", data, str(credentials)) == b"\xab" * 32
    assert not (data / "pepper").exists()
    assert len(key_of("master-key", data, str(credentials))) == 32
    assert (data / "master-key").exists()


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ü" * 64])
def test_a_key_of_the_wrong_form_is_refused_not_replaced(tmp_path: Path, text: str) -> None:
    path = secret(tmp_path / "pepper", text)
    with pytest.raises(ConfigError) as caught:
        key_of("pepper", tmp_path, "")
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


def test_a_rotation_puts_a_new_key_before_the_others(tmp_path: Path) -> None:
    path = tmp_path / "master-key"
    (first,) = keys_from("master-key", tmp_path, "")
    second = rotate_key(path)
    third = rotate_key(path)
    assert keys_from("master-key", tmp_path, "") == read_keys(path) == (third, second, first)
    assert len({first, second, third}) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    retire_key(path, key_id(second))
    assert read_keys(path) == (third, first)


def test_what_is_in_use_or_unknown_is_not_retired(tmp_path: Path) -> None:
    path = tmp_path / "master-key"
    keys_from("master-key", tmp_path, "")
    key = rotate_key(path)
    before = path.read_text()
    for name, said in ((key_id(key), "in use"), ("00000000", "holds no key")):
        with pytest.raises(ConfigError, match=said):
            retire_key(path, name)
    assert path.read_text() == before


def test_a_file_holds_so_many_keys_and_no_more(tmp_path: Path) -> None:
    path = secret(tmp_path / "master-key", "\n".join(["ab" * 32] * MOST_KEYS))
    with pytest.raises(ConfigError, match="retire one"):
        rotate_key(path)


def test_one_bad_line_among_keys_is_refused(tmp_path: Path) -> None:
    secret(tmp_path / "master-key", "ab" * 32 + "\n" + "cd" * 31)
    with pytest.raises(ConfigError, match="on each line"):
        keys_from("master-key", tmp_path, "")


def test_where_a_key_is(tmp_path: Path) -> None:
    assert key_file("pepper", tmp_path, "") == (tmp_path / "pepper", False)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    assert key_file("pepper", tmp_path, str(credentials)) == (tmp_path / "pepper", False)
    secret(credentials / "pepper")
    assert key_file("pepper", tmp_path, str(credentials)) == (credentials / "pepper", True)


def test_the_older_keys_have_until_the_first_date_they_got(tmp_path: Path) -> None:
    path = tmp_path / "pepper"
    (first,) = keys_from("pepper", tmp_path, "")
    second = rotate_key(path, until=1e9)
    third = rotate_key(path, until=2e9)
    assert read_key_lines(path) == ((third, None), (second, 2e9), (first, 1e9))
    assert path.read_text().splitlines()[2] == f"{first.hex()} until 2001-09-09T01:46:40.000Z"
    retire_key(path, key_id(second))
    assert read_key_lines(path) == ((third, None), (first, 1e9))
    assert read_keys(path) == keys_from("pepper", tmp_path, "") == (third, first)


@pytest.mark.parametrize("more", ["until", "until soon", "for 2030-01-01T00:00:00Z", "until 2030-01-01T00:00:00Z x", "x"])
def test_what_follows_a_key_is_an_end_or_nothing(tmp_path: Path, more: str) -> None:
    secret(tmp_path / "pepper", f"{'ab' * 32}\n{'cd' * 32} {more}")
    with pytest.raises(ConfigError, match="may be followed by `until`"):
        keys_from("pepper", tmp_path, "")
