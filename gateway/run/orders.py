"""What the supervisor tells a child at its start: handed over in memory, because arguments and environment are public."""

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.model.service import ControlConfig, EdgeConfig, Limits, ProviderOverride, Timeouts, TokenCaching


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    name: str
    """`control` or `edge-0`, `edge-1`, …"""
    log_level: str
    restarts: int = 0
    """How many processes the supervisor had to replace so far; shown in the metrics."""
    config: EdgeConfig | ControlConfig


def encode(orders: Orders) -> bytes:
    return orjson.dumps(dataclasses.asdict(orders), default=lambda value: value.hex())


def decode(text: bytes) -> Orders:
    tree = orjson.loads(text)
    config = tree["config"]
    return Orders(
        name=tree["name"],
        log_level=tree["log_level"],
        restarts=tree["restarts"],
        config=_control(config) if tree["name"] == "control" else _edge(config),
    )


def _control(tree: dict[str, Any]) -> ControlConfig:
    secrets = {name: bytes.fromhex(tree[name]) for name in ("pepper", "master_key")}
    older = {name: tuple(map(bytes.fromhex, tree[name])) for name in ("older_peppers", "older_master_keys")}
    return ControlConfig(**{**tree, **secrets, **older, "ops_hosts": tuple(tree["ops_hosts"])})


def _edge(tree: dict[str, Any]) -> EdgeConfig:
    parts = {
        **{name: tuple(tree[name]) for name in ("listen", "admin_listen", "hosts", "admin_hosts")},
        "pepper": bytes.fromhex(tree["pepper"]),
        "older_peppers": tuple(map(bytes.fromhex, tree["older_peppers"])),
        "trusted_proxies": tuple(tree["trusted_proxies"]),
        "cors_origins": tuple(tree["cors_origins"]),
        "limits": Limits(**tree["limits"]),
        "timeouts": Timeouts(**tree["timeouts"]),
        "token_cache": TokenCaching(**tree["token_cache"]),
        "providers": {slug: ProviderOverride(**override) for slug, override in tree["providers"].items()},
    }
    return EdgeConfig(**{**tree, **parts})


def put(orders: Orders) -> int:
    """A descriptor of anonymous memory that holds the orders, ready to be read; the caller closes it."""
    descriptor = os.memfd_create("gateway-orders", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(encode(orders))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def take(descriptor: int) -> Orders:
    with os.fdopen(descriptor, "rb") as file:
        return decode(file.read())
