"""The command line's way to a running service: its own management API over HTTP."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from gateway.kit.operator import operator_credential
from gateway.run.keyfiles import keys_from, read_secret
from gateway.run.layers import ConfigError

DEFAULT_URL: Final = "http://127.0.0.1:8787"
_TIMEOUT_S: Final = 15.0
_HEALTH_TIMEOUT_S: Final = 4.0


class ApiError(Exception):
    """The service refused, or is not there; the text is one line for the operator."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status
        """Of the service's answer; 0 where there was none."""


class Client:
    def __init__(self, url: str, token: str | Callable[[], str]) -> None:
        """`token`: as text, or what makes a credential for each request."""
        self.url = url.rstrip("/")
        self.gateway_url = self.url
        """Where inference is: the management API may have an address of its own (admin.listen)."""
        self._token = token
        # No proxy and no redirect: the token goes to this service only.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The `result` of the answer's envelope. Raises ApiError."""
        answer = self.answer(method, path, body)
        if not isinstance(answer, dict) or "result" not in answer:
            raise ApiError(f"{self.url} does not answer like a gateway")
        return answer["result"]

    def answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON. Raises ApiError."""
        token = self._token if isinstance(self._token, str) else self._token()
        request = urllib.request.Request(  # noqa: S310 (the scheme is checked in `client_from`)
            f"{self.url}/client/v4{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise ApiError(f"{self.url} answers {error.code}: {_message(error.read())}", error.code) from None
        except urllib.error.URLError as error:
            reason = getattr(error.reason, "strerror", None) or "no answer"
            raise ApiError(f"{self.url} cannot be reached: {reason}; is the gateway running?") from None
        except (OSError, ValueError):
            raise ApiError(f"{self.url} does not answer like a gateway") from None

    def account_id(self, wanted: str = "") -> str:
        """The account named, else the first one the token reaches."""
        if wanted:
            return wanted
        accounts = self.call("GET", "/accounts")
        if not accounts:
            raise ApiError("this token reaches no account; name one with --account")
        return str(accounts[0]["id"])

    def require_account(self, account_id: str) -> None:
        """Raises ApiError unless the token reaches this account."""
        try:
            self.call("GET", f"/accounts/{quote(account_id, safe='')}")
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            raise ApiError(f"no account {account_id} is known to this token", error.status) from None

    def require_gateway(self, account_id: str, gateway_id: str) -> None:
        """Raises ApiError unless the account has this gateway."""
        try:
            self.call("GET", f"/accounts/{quote(account_id)}/ai-gateway/gateways/{quote(gateway_id, safe='')}")
        except ApiError as error:
            if error.status != 404:
                raise
            raise ApiError(f"account {account_id} has no gateway {gateway_id}", 404) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def readiness(origin: str) -> tuple[bool, str]:
    """Whether the service there is ready, and in its words how it is. Raises ApiError when nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(f"{origin}/readyz", timeout=_HEALTH_TIMEOUT_S) as response:
            return True, _state(response.read())
    except urllib.error.HTTPError as error:
        return False, _state(error.read())
    except OSError:
        raise ApiError(f"{origin} cannot be reached") from None


def _state(body: bytes) -> str:
    try:
        told = json.loads(body)
        reasons = told.get("reasons", [])
        return ": ".join([str(told["status"]), ", ".join(map(str, reasons))][: 2 if reasons else 1])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "failed"


def _message(body: bytes) -> str:
    try:
        return "; ".join(str(problem["message"]) for problem in json.loads(body)["errors"])
    except (ValueError, KeyError, TypeError):
        return "no explanation"


def client_from(url: str, token_file: str, data_dir: Path, environ: Mapping[str, str] = os.environ) -> Client:
    """By flags, else GATEWAY_URL and GATEWAY_API_TOKEN, else the default address and the operator's credential, which
    needs the master key; where that cannot be read, the first token's file."""
    url = url or environ.get("GATEWAY_URL", "") or DEFAULT_URL
    if not url.startswith(("http://", "https://")):
        raise ConfigError("the service's URL must begin with http:// or https://")
    given = read_secret(Path(token_file)) if token_file else environ.get("GATEWAY_API_TOKEN", "")
    if not given and (master_key := _master_key(data_dir, environ)) is not None:
        return Client(url, lambda: operator_credential(master_key, time.time()))
    token = given or _bootstrap_token(data_dir)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError("the API token is not readable text")
    return Client(url, token)


def _master_key(data_dir: Path, environ: Mapping[str, str]) -> bytes | None:
    """The service's, where this user can read it: its holder is the operator."""
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if any(os.access(folder / "master-key", os.R_OK) for folder in (Path(credentials or "/nonexistent"), data_dir)):
        # The oldest: a service that was not reloaded since the last rotation knows it too.
        return keys_from("master-key", data_dir, credentials, make=False)[-1]
    return None


def _bootstrap_token(data_dir: Path) -> str:
    path = data_dir / "bootstrap-token"
    if not path.exists():
        raise ConfigError(f"no API token: set GATEWAY_API_TOKEN or --token-file ({path} does not exist)")
    token = read_secret(path)
    if not token:
        raise ConfigError(f"no API token: set GATEWAY_API_TOKEN or --token-file (the one in {path} has ended)")
    return token
