"""The gateways and routers made for LLMs: vllm-router and sglang-router (Rust), Portkey (Node), LiteLLM (Python).

`peers_install.sh` puts them into a folder that BENCH_PEERS names. The routers check no client token: they run without.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from systems import (
    KEY_FIELD,
    PROXY_CORE,
    System,
    Target,
    Upstreams,
    children,
    clean_environment,
    end,
    free_port,
    start,
    wait_for,
)

FOLDER = Path(os.environ.get("BENCH_PEERS", Path.home() / ".cache" / "gateway-bench-peers"))
_PLACES = {
    "envoy": "venv/lib/python*/site-packages/envoy/_bin/envoy",
    "vllm-router": "venv/bin/vllm-router",
    "sglang-router": "venv/bin/sglang-router",
    "litellm": "litellm/bin/litellm",
    "portkey": "node/node_modules/@portkey-ai/gateway/build/start-server.js",
}
MOST = "16384"
_PATH = "/v1/chat/completions"
_HELLO = b'{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"Hello"}]}'


def installed(name: str) -> str:
    """The program: in the peers' folder or on the PATH; empty if neither."""
    place = next(FOLDER.glob(_PLACES.get(name, name)), None)
    return str(place) if place else shutil.which(name) or ""


@contextmanager
def vllm(up: Upstreams) -> Iterator[System]:
    command = [installed("vllm-router"), "--disable-retries", "--disable-circuit-breaker"]
    with _router("vllm-router", command, up) as system:
        yield system


@contextmanager
def sglang(up: Upstreams) -> Iterator[System]:
    command = [installed("sglang-router"), "launch", "--disable-retries", "--disable-circuit-breaker", "--disable-health-check"]
    with _router("sglang-router", command, up) as system:
        yield system


@contextmanager
def _router(name: str, command: list[str], up: Upstreams) -> Iterator[System]:
    """A router knows one kind of upstream: two processes, of which one is idle at any time."""
    targets, pids = [], []
    limits = ["--max-concurrent-requests", MOST, "--queue-size", MOST, "--log-level", "error"]
    with ExitStack() as stack:
        for origin in (up.whole, up.paced):
            port, metrics = free_port(), free_port()
            place = ["--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics)]
            more = ["--prometheus-host", "127.0.0.1", "--policy", "round_robin", "--worker-urls", origin]
            process = start([*command, *place, *more, *limits], PROXY_CORE)
            stack.callback(end, process)
            wait_for(f"http://127.0.0.1:{port}{_PATH}", process, body=_HELLO)
            targets.append(Target(f"http://127.0.0.1:{port}{_PATH}", (KEY_FIELD,)))
            pids += [process.pid, *children(process.pid)]
        yield System(name, *targets, {"proxy": pids})


@contextmanager
def portkey(up: Upstreams) -> Iterator[System]:
    """The upstream travels in the request; nothing is checked."""
    port = free_port()
    environment = clean_environment({"NODE_ENV": "production"})
    process = start(["node", installed("portkey"), f"--port={port}", "--headless"], PROXY_CORE, env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        whole, paced = (
            Target(
                f"http://127.0.0.1:{port}{_PATH}",
                (KEY_FIELD, ("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"{origin}/v1")),
            )
            for origin in (up.whole, up.paced)
        )
        yield System("portkey", whole, paced, {"proxy": [process.pid, *children(process.pid)]}, most_streams=1000)
    finally:
        end(process)


@contextmanager
def litellm(up: Upstreams) -> Iterator[System]:
    """Master key only, no database, one worker; all answers from provider.py, which is far from its limit here."""
    port = free_port()
    model = {"model": "openai/*", "api_base": f"{up.paced}/v1", "api_key": "sk-bench"}
    config = {
        "model_list": [{"model_name": "*", "litellm_params": model}],
        "general_settings": {"master_key": "sk-bench-master"},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        place = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        environment = clean_environment({"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
        process = start([installed("litellm"), "--config", str(path), *place], PROXY_CORE, env=environment, cwd=folder)
        try:
            wait_for(f"http://127.0.0.1:{port}/health/liveliness", process, limit_s=90)
            url = f"http://127.0.0.1:{port}{_PATH}"
            target = Target(url, (("Authorization", "Bearer sk-bench-master"),))
            refused = Target(url, (("Authorization", "Bearer sk-wrong"),))
            pids = {"proxy": [process.pid, *children(process.pid)]}
            yield System("litellm", target, target, pids, refused, most_streams=200, largest_body=1_000_000)
        finally:
            end(process)
