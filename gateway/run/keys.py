"""`gateway keys …`: the service's own keys. Rotation writes the key's file; a reload has the service use it."""

import argparse
import os
from pathlib import Path
from typing import Any

from gateway.kit.secret import key_id
from gateway.run.client import Client
from gateway.run.keyfiles import key_file, read_keys, retire_key, rotate_key

KINDS = ("master-key",)


def _file(given: argparse.Namespace, data_dir: Path) -> tuple[Path, bool]:
    return key_file(given.kind, data_dir, os.environ.get("CREDENTIALS_DIRECTORY", ""))


def rotate(given: argparse.Namespace, data_dir: Path) -> None:
    path, credential = _file(given, data_dir)
    fresh = rotate_key(path, credential=credential)
    print(f"{path}: {key_id(fresh)} is the new {given.kind}")
    print("reload the service to use it (systemctl reload gateway, or SIGHUP); what the older keys seal is then sealed anew")


def retire(given: argparse.Namespace, client: Client, data_dir: Path) -> None:
    path, credential = _file(given, data_dir)
    told: list[dict[str, Any]] = client.call("GET", "/service/keys")[given.kind]
    if any(one["id"] == given.id and (one["in_use"] or one["seals"]) for one in told):
        raise SystemExit(f"gateway: key {given.id} still seals something; see gateway keys list")
    retire_key(path, given.id, credential=credential)
    print(f"{path}: key {given.id} is gone; keep a copy for as long as backups made with it are kept")


def list_all(given: argparse.Namespace, client: Client, data_dir: Path) -> None:
    told = {one["id"]: one for one in client.call("GET", "/service/keys")[given.kind]}
    path, credential = _file(given, data_dir)
    ids = [key_id(key) for key in read_keys(path, credential=credential)]
    for one in [*ids, *(other for other in told if other not in ids)]:
        known = told.get(one, {"in_use": False, "seals": 0})
        state = "in use" if known["in_use"] else "older"
        where = "" if one in ids else "  MISSING from the file"
        print(f"{given.kind}  {one}  {state:<6}  {known['seals']} seals{where}")
