"""`gateway doctor`: what is wrong with this installation, in words. Changes nothing."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gateway.model.service import BOOTSTRAP_NAME
from gateway.run.canary import leaks
from gateway.run.client import ApiError
from gateway.run.config import STORE_NAME, Settings
from gateway.run.findings import Finding, Verdict, bad, doubtful, good
from gateway.run.hot_path import hot_path
from gateway.run.keyfiles import read_secret
from gateway.run.layers import ConfigError
from gateway.run.open_files import open_files
from gateway.run.worker import require_c_parser

_WRITTEN_IN: Final = 1_767_225_600.0
"""2026-01-01: this code is younger, so an earlier clock is wrong."""
_CLOCK_SLACK_S: Final = 300.0
_DAY_S: Final = 86_400
_OLD_DAYS: Final = 730
ROTATED: Final = ("pepper", "master-key")
_SECRETS: Final = ("pepper", "master-key", "bootstrap-token")


def examine(settings: Settings, data_dir: Path, credentials_dir: str, *, canaries: bool) -> Iterator[Finding]:
    """All findings, one after the other; `canaries` runs the leak test, which starts a service of its own for some seconds."""
    yield good("the configuration is valid")
    yield parser()
    yield hot_path()
    yield from data_folder(data_dir)
    yield from secret_files(data_dir, credentials_dir)
    yield from listeners(settings)
    yield open_files()
    yield clock(time.time(), newest_file(data_dir))
    if canaries:
        yield from leak_test(leaks)


def parser() -> Finding:
    try:
        require_c_parser()
    except ConfigError as error:
        return bad(str(error))
    return good("aiohttp's C parser is there")


def data_folder(data_dir: Path) -> Iterator[Finding]:
    try:
        found = data_dir.stat()
    except FileNotFoundError:
        yield doubtful(f"{data_dir} does not exist: the first start makes it")
        return
    except OSError as error:
        yield bad(f"{data_dir}: {(error.strerror or 'unknown error').lower()}")
        return
    if not stat.S_ISDIR(found.st_mode):
        yield bad(f"{data_dir} is no folder")
        return
    if found.st_mode & 0o077:
        yield bad(f"{data_dir}: others may look into it; run: chmod 700 {data_dir}")
    elif not os.access(data_dir, os.W_OK | os.X_OK):
        yield bad(f"{data_dir}: this user may not write to it")
    else:
        yield good(f"{data_dir} is private and can be written")
    for path in sorted(data_dir.glob(f"{STORE_NAME}*")):
        if path.stat().st_mode & 0o077:
            yield bad(f"{path}: others may read the store; run: chmod 600 {path}")


def secret_files(data_dir: Path, credentials_dir: str) -> Iterator[Finding]:
    """Each secret where it is kept: systemd's credentials before the data folder."""
    missing = []
    for name in _SECRETS:
        credential = Path(credentials_dir) / name
        given = bool(credentials_dir) and credential.exists()
        path = credential if given else data_dir / name
        if not path.exists():
            missing.append(name)
            continue
        try:
            read_secret(path, credential=given)
        except ConfigError as error:
            yield bad(str(error))
        else:
            yield good(f"{path} is private")
            if not given and name in ROTATED:
                yield from age(path, time.time())
    if "pepper" in missing and (data_dir / STORE_NAME).exists():
        yield bad(f"{data_dir / 'pepper'} is missing, but the store is there: none of its tokens can be verified without it")
    if "master-key" in missing and (data_dir / STORE_NAME).exists():
        yield bad(
            f"{data_dir / 'master-key'} is missing, but the store is there: its provider keys cannot be opened without it"
        )
    first = data_dir / BOOTSTRAP_NAME
    if first.exists():
        if first.stat().st_size:
            yield doubtful(f"{first} may do everything until it ends: make another token for administration")
        else:
            yield good(f"{first} is empty: the first token has ended")


def age(path: Path, now: float) -> Iterator[Finding]:
    """Of a key's file: a rotation writes it anew."""
    days = int((now - path.stat().st_mtime) / _DAY_S)
    if days > _OLD_DAYS:
        yield doubtful(f"{path} is {days} days old: gateway keys rotate makes a new key, while the service runs")


def listeners(settings: Settings) -> Iterator[Finding]:
    if settings.ops.listen and not _is_loopback(settings.ops.listen):
        yield doubtful(f"ops.listen is {settings.ops.listen}: /metrics is for this machine, or for a network of your own")
    if not settings.admin.listen and not all(map(_is_loopback, settings.server.listen)):
        yield doubtful(
            "admin.listen is not set: everybody who reaches the gateway reaches the management API and the dashboard, and "
            "providers' answers share the dashboard's origin"
        )
    if settings.admin.listen and not settings.server.public_url:
        yield doubtful("server.public_url is not set: the dashboard cannot tell people where the gateway is")
    if settings.upstream.allow_private_custom:
        yield doubtful("upstream.allow_private_custom is on: custom providers reach into this machine's network")
    for slug, provider in settings.providers.items():
        if provider.base_url.startswith("http://") and not _is_loopback(provider.base_url.removeprefix("http://")):
            yield doubtful(f"providers.{slug}.base_url is plain http: keys and prompts travel in clear")


def _is_loopback(address: str) -> bool:
    return address.startswith(("127.", "[::1]", "localhost"))


def newest_file(data_dir: Path) -> float:
    """When something was last written there; 0 for never."""
    try:
        return max((path.stat().st_mtime for path in data_dir.iterdir()), default=0.0)
    except OSError:
        return 0.0


def clock(now: float, newest: float) -> Finding:
    """`newest`: seconds since the epoch of the last write to the data folder."""
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < _WRITTEN_IN:
        return bad(f"the clock says {shown}: tokens that expire and certificates cannot be judged by it")
    if newest - now > _CLOCK_SLACK_S:
        return bad(f"the clock says {shown}, but the data folder was written to after that")
    return good(f"the clock says {shown}")


def leak_test(run: Callable[[], list[str]]) -> Iterator[Finding]:
    try:
        found = run()
    except ApiError as error:
        yield bad(f"the leak test could not be done: {error}")
        return
    for line in found:
        yield bad(f"a secret leaks: {line}")
    if not found:
        yield good("no marked secret was found in log store, output, metrics, error bodies, processes or at the wrong provider")


def told(findings: Iterator[Finding], say: Callable[[str], None]) -> int:
    """Say each finding as it comes; the exit code: 1 if something is bad."""
    code = 0
    for finding in findings:
        say(f"{finding.verdict.value}  {finding.text}")
        code = code or int(finding.verdict is Verdict.BAD)
    return code
