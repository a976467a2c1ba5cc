"""Secrets in files: made on the first start, private to the user, or handed over by systemd (`LoadCredential=`)."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from gateway.kit.secret import key_id
from gateway.protocol.envelope import rfc3339
from gateway.run.layers import ConfigError

SECRET_BYTES: Final = 32
MOST_KEYS: Final = 16
_FILE_LIMIT_BYTES: Final = 4096


def private_folder(path: Path) -> None:
    """Make the folder, 0700, unless it exists; its parents as usual."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"{path}: the data folder cannot be prepared ({error.strerror})") from None


def read_secret(path: Path, *, credential: bool = False) -> str:
    """The file's text without surrounding space. Refuses files others may read.

    systemd grants the service's user its credentials by an access list, which shows as the group's read bit;
    such files may have it, their folder is private.
    """
    forbidden = 0o037 if credential else 0o077
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & forbidden:
                raise ConfigError(f"{path}: others may read this secret; run: chmod 600 {path}")
            return file.read(_FILE_LIMIT_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: the secret cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a text file") from None


def write_secret(path: Path, text: str) -> None:
    """Replace the file's content at once; nobody else may read it, not even for a moment."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def key_file(name: str, data_dir: Path, credentials_dir: str) -> tuple[Path, bool]:
    """Where the key called `name` is: among systemd's credentials, else in the data folder; and whether it is the former."""
    credential = Path(credentials_dir or "/nonexistent") / name
    return (credential, True) if credential.exists() else (data_dir / name, False)


def keys_from(name: str, data_dir: Path, credentials_dir: str, *, make: bool = True) -> tuple[bytes, ...]:
    """The keys called `name`, one a line: the first is in use, the others are older ones. Made if there is none and one may be
    made."""
    path, credential = key_file(name, data_dir, credentials_dir)
    if not path.exists():
        if not make:
            raise ConfigError(f"{path} is missing: the store needs the key it was made with")
        _make_key(path)
    return read_keys(path, credential=credential)


class KeyLine(NamedTuple):
    """`HEX` or `HEX until TIME`."""

    key: bytes
    until: float | None = None
    """When an older key may be retired whatever depends on it; None for never."""


def read_keys(path: Path, *, credential: bool = False) -> tuple[bytes, ...]:
    """All keys of the file, the one in use first."""
    return tuple(line.key for line in read_key_lines(path, credential=credential))


def read_key_lines(path: Path, *, credential: bool = False) -> tuple[KeyLine, ...]:
    lines = read_secret(path, credential=credential).splitlines() or [""]
    return tuple(_key_line(path, line) for line in lines if line.strip() or len(lines) == 1)


def rotate_key(path: Path, *, credential: bool = False, until: float | None = None) -> bytes:
    """Put a new key before the others of the file; it. `until`: for those that have no end yet."""
    older = read_key_lines(path, credential=credential)
    if len(older) >= MOST_KEYS:
        raise ConfigError(f"{path}: holds {len(older)} keys already; retire one that is no longer used")
    fresh = secrets.token_bytes(SECRET_BYTES)
    _write_keys(path, (KeyLine(fresh), *(line if line.until else KeyLine(line.key, until) for line in older)))
    return fresh


def retire_key(path: Path, key_name: str, *, credential: bool = False) -> None:
    """Take an older key out of the file."""
    current, *older = read_key_lines(path, credential=credential)
    if key_name == key_id(current.key):
        raise ConfigError(f"{path}: key {key_name} is in use; rotate first")
    left = [line for line in older if key_id(line.key) != key_name]
    if len(left) == len(older):
        raise ConfigError(f"{path}: holds no key {key_name}")
    _write_keys(path, (current, *left))


def _write_keys(path: Path, lines: Iterable[KeyLine]) -> None:
    texts = (line.key.hex() + ("" if line.until is None else f" until {rfc3339(line.until)}") for line in lines)
    try:
        write_secret(path, "\n".join(texts))
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be written ({error.strerror})") from None


def _make_key(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be made ({error.strerror})") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SECRET_BYTES) + "\n")


def _key_line(path: Path, text: str) -> KeyLine:
    word, *more = text.split() or [""]
    key = _key(path, word)
    if not more:
        return KeyLine(key)
    try:
        until, moment = more
        if until != "until":
            raise ValueError
        return KeyLine(key, datetime.fromisoformat(moment).timestamp())
    except ValueError:
        raise ConfigError(f"{path}: a key may be followed by `until` and a time like 2030-01-31T00:00:00Z, no more") from None


def _key(path: Path, text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != SECRET_BYTES:
        raise ConfigError(f"{path}: must hold {SECRET_BYTES} bytes as {2 * SECRET_BYTES} hexadecimal digits on each line")
    return key
