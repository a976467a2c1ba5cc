"""Other proxies that do the same: check the token, remove it, relay with kept-alive connections and without buffering.

Each runs one worker at its usual settings; one that is not installed is skipped by name.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import routers
from routers import installed
from systems import (
    CLIENTS,
    KEY_FIELD,
    PROXY_CORE,
    TOKEN_FIELD,
    WRONG_SHAPE,
    System,
    Target,
    Upstreams,
    direct,
    end,
    free_port,
    gateway,
    nginx,
    start,
    wait_for,
)

TOKEN = "agw_bench"
TOKENS = tuple(f"{TOKEN}{number:04}" for number in range(CLIENTS))
"""Of the clients in `mix`; each begins with the other."""
HEADER = TOKEN_FIELD


def _system(name: str, port: int, pids: list[int]) -> System:
    fields = (KEY_FIELD, (HEADER, f"Bearer {TOKEN}"))
    whole, paced = (f"http://127.0.0.1:{port}/{kind}/chat/completions" for kind in ("whole", "paced"))
    refused = Target(whole, (KEY_FIELD, WRONG_SHAPE))
    return System(name, Target(whole, fields), Target(paced, fields), {"proxy": pids}, refused, tokens=TOKENS)


@contextmanager
def nginx_proxy(up: Upstreams) -> Iterator[System]:
    """The yardstick."""
    port = free_port()
    config = f"""
    map_hash_bucket_size 128;
    map $http_cf_aig_authorization $known {{
      default 0; "Bearer {TOKEN}" 1; {" ".join(f'"Bearer {token}" 1;' for token in TOKENS)}
    }}
    upstream whole {{ server {up.whole.removeprefix("http://")}; keepalive 512; keepalive_requests 1000000000; }}
    upstream paced {{ server {up.paced.removeprefix("http://")}; keepalive 8192; keepalive_requests 1000000000; }}
    server {{
      listen 127.0.0.1:{port} backlog=4096;
      proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 300s;
      proxy_set_header Connection ""; proxy_set_header {HEADER} "";
      location /whole/ {{
        if ($known = 0) {{ return 401; }}
        proxy_request_buffering on; client_body_buffer_size 512k;
        proxy_pass http://whole/v1/;
      }}
      location /paced/ {{ if ($known = 0) {{ return 401; }} proxy_pass http://paced/v1/; }}
      location /bodies/ {{
        if ($known = 0) {{ return 401; }}
        client_body_buffer_size 256k; proxy_buffer_size 256k; proxy_buffers 4 256k; proxy_busy_buffers_size 512k;
        proxy_pass http://paced/v1/;
      }}
    }}"""
    ready = f"http://127.0.0.1:{port}/whole/"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, nginx(Path(folder), config, PROXY_CORE, ready) as pids:
        system = _system("nginx", port, pids)
        system.bodies = Target(system.paced.url.replace("/paced/", "/bodies/"), system.paced.fields)
        yield system


@contextmanager
def haproxy(up: Upstreams) -> Iterator[System]:
    """One thread; `http-no-delay`, without which it holds events back."""
    port = free_port()
    backends = "".join(
        f"""
backend {name}
  http-reuse always
  http-request replace-path /{name}/(.*) /v1/\\1
  server upstream {origin.removeprefix("http://")} pool-max-conn -1
"""
        for name, origin in (("whole", up.whole), ("paced", up.paced))
    )
    config = f"""
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  option http-no-delay
  timeout connect 10s
  timeout client 300s
  timeout server 300s
frontend public
  bind 127.0.0.1:{port} backlog 4096
  http-request deny deny_status 401 unless {{ req.hdr({HEADER}) -m beg "Bearer {TOKEN}" }}
  http-request del-header {HEADER}
  use_backend paced if {{ path_beg /paced/ }}
  default_backend whole
{backends}"""
    with _running("haproxy", config, ["haproxy", "-db", "-f"], port) as pids:
        yield _system("haproxy", port, pids)


@contextmanager
def envoy(up: Upstreams) -> Iterator[System]:
    """RBAC on the token, one worker thread, no access log."""
    port = free_port()
    config = {
        "static_resources": {
            "listeners": [_listener(port)],
            "clusters": [_cluster("whole", up.whole), _cluster("paced", up.paced)],
        }
    }
    command = [installed("envoy"), "--concurrency", "1", "--log-level", "error", "--disable-hot-restart", "-c"]
    with _running("envoy", json.dumps(config), command, port, suffix=".json") as pids:
        yield _system("envoy", port, pids)


def _typed(name: str, **values: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **values}


def _listener(port: int) -> dict[str, Any]:
    known = {"header": {"name": HEADER, "string_match": {"prefix": f"Bearer {TOKEN}"}}}
    policy = {"permissions": [{"any": True}], "principals": [known]}
    routes = [
        {"match": {"prefix": f"/{name}/"}, "route": {"cluster": name, "prefix_rewrite": "/v1/", "timeout": "0s"}}
        for name in ("whole", "paced")
    ]
    hosts = [{"name": "all", "domains": ["*"], "routes": routes, "request_headers_to_remove": [HEADER]}]
    filters = [
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": _typed("filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {"token": policy}}),
        },
        {"name": "envoy.filters.http.router", "typed_config": _typed("filters.http.router.v3.Router")},
    ]
    manager = _typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="bench",
        generate_request_id=False,
        route_config={"name": "routes", "virtual_hosts": hosts},
        http_filters=filters,
    )
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": "public", "address": _address("127.0.0.1", port), "filter_chains": [chain]}


def _cluster(name: str, origin: str) -> dict[str, Any]:
    host, _, port = origin.removeprefix("http://").partition(":")
    endpoint = {"endpoint": {"address": _address(host, int(port))}}
    threshold = {"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "circuit_breakers": {"thresholds": [threshold]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


@contextmanager
def _running(name: str, config: str, command: list[str], port: int, *, suffix: str = ".cfg") -> Iterator[list[int]]:
    """A process of one's own from a configuration file, which is the command's last argument."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / f"{name}{suffix}"
        path.write_text(config)
        process = start([*command, str(path)], PROXY_CORE)
        try:
            wait_for(f"http://127.0.0.1:{port}/whole/", process)
            yield [process.pid]
        finally:
            end(process)


Starter = Callable[[Upstreams], AbstractContextManager[System]]

SYSTEMS: dict[str, Starter] = {
    "direct": direct,
    "nginx": nginx_proxy,
    "haproxy": haproxy,
    "envoy": envoy,
    "vllm-router": routers.vllm,
    "sglang-router": routers.sglang,
    "portkey": routers.portkey,
    "litellm": routers.litellm,
    "gateway": gateway,
}


def absent(name: str) -> str | None:
    """Why this system cannot be measured here, or None."""
    if name in ("direct", "gateway") or installed(name):
        return None
    return "not installed: bench/peers_install.sh does it"
