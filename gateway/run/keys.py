"""`gateway keys …`: the service's own keys. Rotation writes the key's file; a reload has the service use it."""

import argparse
import os
import time
from pathlib import Path
from typing import Any, Final

from gateway.kit.secret import key_id
from gateway.protocol.envelope import rfc3339
from gateway.run.client import Client
from gateway.run.keyfiles import key_file, read_key_lines, retire_key, rotate_key
from gateway.run.layers import ConfigError

_NEEDED_FOR: Final = {"master-key": "seals", "pepper": "tokens"}
KINDS: Final = tuple(_NEEDED_FOR)
_MEANWHILE: Final = {
    "master-key": "what the older keys seal is then sealed anew",
    "pepper": "tokens that an older pepper made known are then made known by the new one when they are used",
}


def _file(given: argparse.Namespace, data_dir: Path) -> tuple[Path, bool]:
    return key_file(given.kind, data_dir, os.environ.get("CREDENTIALS_DIRECTORY", ""))


def rotate(given: argparse.Namespace, data_dir: Path) -> None:
    path, credential = _file(given, data_dir)
    fresh = rotate_key(path, credential=credential, until=_until(given))
    print(f"{path}: {key_id(fresh)} is the new {given.kind}")
    print(f"reload the service to use it (systemctl reload gateway, or SIGHUP); {_MEANWHILE[given.kind]}")


def _until(given: argparse.Namespace) -> float | None:
    """The end of a day, or the moment."""
    if not given.until:
        return None
    if given.kind != "pepper":
        raise ConfigError("--until is for the pepper: what an older master key seals is sealed anew by itself")
    from gateway.control.api.moments import DAY_S, span_of

    try:
        span = span_of(given.until)
    except ValueError as error:
        raise ConfigError(f"--until: {error}") from None
    moment = span.end if span.end - span.start >= DAY_S else span.start
    if moment <= time.time():
        raise ConfigError("--until: must be in the future")
    return moment


def retire(given: argparse.Namespace, client: Client, data_dir: Path) -> None:
    path, credential = _file(given, data_dir)
    until = next((line.until for line in read_key_lines(path, credential=credential) if key_id(line.key) == given.id), None)
    told: list[dict[str, Any]] = client.call("GET", "/service/keys")[given.kind]
    known = next((one for one in told if one["id"] == given.id), None)
    if known is not None and known["in_use"]:
        raise SystemExit(f"gateway: key {given.id} is in use; rotate, and reload the service, first")
    needed = 0 if known is None else known[_NEEDED_FOR[given.kind]]
    if needed and (until is None or until > time.time()):
        when = "" if until is None else f" (its time ends at {rfc3339(until)})"
        raise SystemExit(f"gateway: {needed} {_NEEDED_FOR[given.kind]} depend on key {given.id}{when}; see gateway keys list")
    if given.kind == "pepper" and known is not None:
        client.call("DELETE", f"/service/keys/pepper/{given.id}?give_up=true")
    retire_key(path, given.id, credential=credential)
    print(f"{path}: key {given.id} is gone; keep a copy for as long as backups made with it are kept")
    if needed:
        print(f"{needed} tokens were known by it alone: after a reload they are refused until they get a new value")


def list_all(given: argparse.Namespace, client: Client, data_dir: Path) -> None:
    told = {one["id"]: one for one in client.call("GET", "/service/keys")[given.kind]}
    path, credential = _file(given, data_dir)
    lines = {key_id(line.key): line for line in read_key_lines(path, credential=credential)}
    what = _NEEDED_FOR[given.kind]
    for one in [*lines, *(other for other in told if other not in lines)]:
        known = told.get(one, {"in_use": False, what: 0})
        state = "in use" if known["in_use"] else "older"
        until = lines[one].until if one in lines else None
        end = f"  until {rfc3339(until)}" if until is not None else ""
        where = "" if one in lines else "  MISSING from the file"
        print(f"{given.kind}  {one}  {state:<6}  {known[what]} {what}{end}{where}")
