"""What `gateway doctor` sees of the service that runs, if one does: it asks as the operator and changes nothing."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.run.client import ApiError, Client, client_from, readiness
from gateway.run.config import Settings, dashboard_origin, local_origin, own_origin
from gateway.run.findings import Finding, bad, doubtful, good
from gateway.run.layers import ConfigError
from gateway.run.values import split_address

TOKEN_NAME: Final = "bootstrap"  # noqa: S105  a name, no secret
_TIMEOUT_S: Final = 5.0
_STRANGE_HOST: Final = "rebound.invalid"
"""A name that nobody may have configured (RFC 6761 section 6.4)."""

Ask = Callable[[str, str], int]
"""URL and Host → status; 0 where nobody answers."""


def examine_running(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    """Nothing is found where no service answers, or where this user may not ask it as the operator."""
    try:
        client = client_from(dashboard_origin(settings), "", data_dir, {})
        accounts = [str(one["id"]) for one in client.call("GET", "/accounts")]
    except (ApiError, ConfigError):
        return
    yield from readiness_of(local_origin(*split_address(settings.ops.listen or settings.server.listen[0])))
    yield from doors(settings, status_of)
    yield from keys(client)
    for account_id in accounts:
        yield from gateways(client, account_id)
        yield from audit(client, account_id)
        yield from first_token(client, account_id)


def readiness_of(origin: str) -> Iterator[Finding]:
    try:
        ready, state = readiness(origin)
    except ApiError as error:
        yield bad(str(error))
        return
    yield good(f"{origin} is ready") if ready and state == "ok" else (doubtful if ready else bad)(f"{origin} is {state}")


def keys(client: Client) -> Iterator[Finding]:
    """Whether a rotation has come to its end."""
    try:
        found = client.call("GET", "/service/keys")
    except ApiError as error:
        yield doubtful(f"the service's keys could not be looked at: {error}")
        return
    for kind, what in (("master-key", "seals"), ("pepper", "tokens")):
        older = [one for one in found[kind] if not one["in_use"]]
        if not older:
            yield good(f"one {kind} is in use")
        for one in older:
            needed = f"{one[what]} {what} need it" if one[what] else "nothing needs it: gateway keys retire"
            yield doubtful(f"an older {kind} (id {one['id']}) is still there, {needed}")


def audit(client: Client, account_id: str) -> Iterator[Finding]:
    """Whether it is written: the account itself is its first entry."""
    try:
        found = client.call("GET", f"/accounts/{quote(account_id, safe='')}/logs/audit?limit=1")
    except ApiError as error:
        yield doubtful(f"the audit log of account {account_id} could not be looked at: {error}")
        return
    if found:
        yield good(f"account {account_id}: the audit log is written, last at {found[0]['action']['time']}")
    else:
        yield bad(f"account {account_id}: the audit log has no entry of the time that is kept (audit.keep_days)")


def first_token(client: Client, account_id: str) -> Iterator[Finding]:
    """Whether it has ended; until when it is good."""
    try:
        found = client.call("GET", f"/accounts/{quote(account_id, safe='')}/tokens?per_page=50&direction=asc")
    except ApiError as error:
        yield doubtful(f"the tokens of account {account_id} could not be looked at: {error}")
        return
    for one in found:
        if one["name"] == TOKEN_NAME and one["status"] == "active":
            until = f"until {one['expires_on']}" if one.get("expires_on") else "without an end"
            yield doubtful(f"account {account_id}: the first token (id {one['id']}) may do everything {until}")


def doors(settings: Settings, ask: Ask) -> Iterator[Finding]:
    """Whether the running listeners keep apart what the settings keep apart."""
    if not settings.admin.listen:
        return
    public = own_origin(settings.server, settings.server.listen)
    if 200 <= ask(f"{public}/dashboard", "") < 400:
        yield bad(f"{public} serves the dashboard although admin.listen is set: restart the service")
    else:
        yield good(f"{public} serves no dashboard")
    admin = own_origin(settings.server, settings.admin.listen)
    if "*" not in settings.admin.hosts and 200 <= ask(f"{admin}/dashboard", _STRANGE_HOST) < 400:
        yield bad(f"{admin} answers to any host name, though admin.hosts does not say so: restart the service")


def gateways(client: Client, account_id: str) -> Iterator[Finding]:
    """Those that ask for no token."""
    try:
        found = client.call("GET", f"/accounts/{quote(account_id, safe='')}/ai-gateway/gateways?per_page=100")
    except ApiError as error:
        yield doubtful(f"the gateways of account {account_id} could not be looked at: {error}")
        return
    unlocked = sorted(str(one["id"]) for one in found if not one.get("authentication"))
    if unlocked:
        yield doubtful(f"account {account_id}: anybody may use {', '.join(unlocked)}: authentication is off")
    else:
        yield good(f"account {account_id}: every gateway asks for a token")


def status_of(url: str, host: str) -> int:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 (of our own settings)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return 0
