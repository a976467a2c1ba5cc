"""`gateway demo`: what it prints works as printed."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.processes import until
from fakes.service import call, clean_environment, free_port

ANSWER = "Hello from the mock provider"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", "demo", *arguments]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a demo prints, while it runs; Ctrl-C ends it."""
    port = free_port()
    path = tmp_path_factory.mktemp("demo") / "out"
    with path.open("wb") as out:
        process = subprocess.Popen(command("--port", str(port)), env=clean_environment(), stdout=out, stderr=out)
    try:
        until(lambda: path.read_text().endswith("END\n") and "node --input" in path.read_text())
        assert call(f"http://127.0.0.1:{port}", "GET", "/readyz").status == 200
        yield path.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    said = path.read_text()
    assert "Traceback" not in said
    assert [line for line in said.splitlines() if line.startswith("{")] == [], "no line of a log among what people read"


def test_the_printed_token_signs_in_and_sees_a_day(printed: str) -> None:
    origin = printed.split("gateway demo on ", 1)[1].split(": ", 1)[0]
    token = printed.split("which may do everything: ", 1)[1].split("\n", 1)[0]
    own = {"Origin": origin, "X-Gateway-Dashboard": "http"}
    assert call(origin, "GET", "/dashboard").status in (200, 301, 302, 307, 308)
    assert call(origin, "POST", "/client/v4/user/session", headers=own, body={"token": token}).status == 200
    account = "/client/v4/accounts/" + "d" * 32
    read = {"Authorization": f"Bearer {token}"}
    logs = call(origin, "GET", f"{account}/ai-gateway/gateways/default/logs", headers=read).json()
    assert logs["result_info"]["total_count"] >= 700
    totals = call(origin, "GET", f"{account}/ai-gateway/gateways/default/analytics", headers=read).json()["result"]["totals"]
    assert totals["requests"] >= 690
    assert totals["cost"] > 0
    assert call(origin, "GET", f"{account}/tokens", headers=read).status == 200


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=clean_environment(environment), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def snippet(printed: str, start: str) -> str:
    return start + printed.split(start, 1)[1].split("\nEND\n", 1)[0] + "\nEND\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_every_curl_command_streams(printed: str) -> None:
    commands = [line for line in printed.splitlines() if line.startswith("curl -sN")]
    assert len(commands) == 4
    for line in commands:
        answer = run(line)
        assert answer.count("data: ") > 10
        assert "Hello " in answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_without_the_token_it_is_401(printed: str) -> None:
    (line,) = [line for line in printed.splitlines() if line.startswith("curl -s ")]
    assert run(line + " -w '%{http_code}' -o /dev/null") == "401"


def test_the_python_sdk_script_works(printed: str) -> None:
    pytest.importorskip("openai")
    script = snippet(printed, "python3 - <<'END'").replace("python3", sys.executable, 1)
    assert run(script).startswith(ANSWER)


def test_the_node_script_is_accepted_by_node(printed: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    script = snippet(printed, "node --input-type=module <<'END'").split("\n", 1)[1].removesuffix("END\n")
    (tmp_path / "demo.mjs").write_text(script)
    subprocess.run([node, "--check", str(tmp_path / "demo.mjs")], check=True, timeout=60)


def test_once_tries_everything_itself_and_ends() -> None:
    done = subprocess.run(command("--once"), env=clean_environment(), capture_output=True, text=True, timeout=100, check=False)
    said = [line for line in done.stderr.splitlines() if "the hot path is plain Python" not in line]
    assert (done.returncode, said) == (0, [])
    assert "gateway demo on http://127.0.0.1:" in done.stdout
