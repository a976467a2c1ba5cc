"""The command line against a running service."""

import subprocess
import sys

import pytest
from fakes.service import Service, call, clean_environment


def gateway(service: Service, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = clean_environment({"GATEWAY_URL": service.origin, **environment})
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)


def done(service: Service, *arguments: str) -> str:
    finished = gateway(service, *arguments, "--data-dir", str(service.data_dir))
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def verifies(service: Service, token: str) -> bool:
    path = f"/client/v4/accounts/{service.account}/tokens/verify"
    return call(service.origin, "GET", path, headers={"Authorization": f"Bearer {token}"}).status == 200


def test_the_life_of_a_token(service: Service) -> None:
    value = done(service, "token", "create", "by-cli").strip()
    assert verifies(service, value)
    (row,) = [line for line in done(service, "token", "list").splitlines() if line.endswith("by-cli")]
    token_id = row.split()[0]
    assert value not in done(service, "token", "list")
    rolled = done(service, "token", "roll", token_id).strip()
    assert (verifies(service, value), verifies(service, rolled)) == (False, True)
    done(service, "token", "revoke", token_id)
    assert not verifies(service, rolled)


def test_a_token_limited_to_a_gateway_runs_there_alone(service: Service, gateway_id: str) -> None:
    value = done(service, "token", "create", "limited", "--gateway", gateway_id).strip()
    headers = {"cf-aig-authorization": f"Bearer {value}", "Authorization": "Bearer key"}

    def status(gateway_id: str) -> int:
        path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
        return call(service.origin, "POST", path, headers=headers, body={"model": "m"}).status

    assert status(gateway_id) == 200
    assert status("default") == 401


def test_env_prints_addresses_that_answer(service: Service) -> None:
    lines = done(service, "env").splitlines()
    (base,) = [line.partition("=")[2] for line in lines if line.startswith("export OPENAI_BASE_URL=")]
    assert base == f"{service.rest}/v1"
    token = service.management.create_token().bearer
    answer = call(base, "GET", base.removeprefix(service.origin) + "/models", headers={"Authorization": token})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (("token", "list"), {"GATEWAY_API_TOKEN": "wrong"}, 1, "answers 401: Authentication error"),
        (("token", "list", "--url", "http://127.0.0.1:1"), {"GATEWAY_API_TOKEN": "t"}, 1, "cannot be reached"),
        (("token", "list", "--data-dir", "/nowhere"), {}, 2, "no API token"),
        (("token", "revoke", "agw_value"), {"GATEWAY_API_TOKEN": "t"}, 2, "named by its id"),
        (("token", "list", "--token-file", "/nowhere"), {}, 2, "the secret cannot be read"),
    ],
)
def test_errors_are_one_clear_line(
    service: Service, arguments: tuple[str, ...], environment: dict[str, str], code: int, said: str
) -> None:
    if arguments[:2] == ("token", "revoke"):
        arguments = (*arguments, "--account", service.account)
    finished = gateway(service, *arguments, **environment)
    assert finished.returncode == code
    (line,) = finished.stderr.splitlines()
    assert line.startswith("gateway: ")
    assert said in line
    assert "agw_value" not in line
