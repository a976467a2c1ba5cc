"""One prompt with a tool's round trip through each agent and surface; rows tell model, tokens and cost, whatever the coding."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.agent_turns import WORD, agent_turns
from fakes.dialects import TOKENS_OUT
from fakes.processes import until
from fakes.provider import FakeProvider
from fakes.service import Service, Token

CLAUDE, GPT, GEMINI = "claude-sonnet-4-5", "gpt-5", "gemini-2.5-flash"


class Place(NamedTuple):
    """Where an agent is pointed at."""

    service: Service
    gateway_id: str
    token: str
    work: Path

    @property
    def own(self) -> str:
        return f"Bearer {self.token}"


Command = tuple[list[str], dict[str, str]]


def claude_native(at: Place, prompt: str) -> Command:
    return _claude(prompt, CLAUDE), {
        "ANTHROPIC_BASE_URL": at.service.native(at.gateway_id, "anthropic"),
        "ANTHROPIC_API_KEY": at.token,
        "ANTHROPIC_CUSTOM_HEADERS": f"cf-aig-authorization: {at.own}",
    }


def claude_rest(at: Place, prompt: str) -> Command:
    return _claude(prompt, f"anthropic/{CLAUDE}"), {
        "ANTHROPIC_BASE_URL": at.service.rest,
        "ANTHROPIC_AUTH_TOKEN": at.token,
        "ANTHROPIC_CUSTOM_HEADERS": f"cf-aig-gateway-id: {at.gateway_id}",
        "ANTHROPIC_SMALL_FAST_MODEL": f"anthropic/{CLAUDE}",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": f"anthropic/{CLAUDE}",
    }


def _claude(prompt: str, model: str) -> list[str]:
    return ["claude", "-p", prompt, "--model", model, "--allowedTools", "Read"]


def codex_native(at: Place, prompt: str) -> Command:
    return _codex(at, prompt, GPT, at.service.native(at.gateway_id, "openai"), {"cf-aig-authorization": at.own})


def codex_rest(at: Place, prompt: str) -> Command:
    return _codex(at, prompt, f"openai/{GPT}", at.service.rest + "/v1", {"cf-aig-gateway-id": at.gateway_id})


def _codex(at: Place, prompt: str, model: str, base_url: str, headers: dict[str, str]) -> Command:
    fields = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in headers.items())
    provider = (
        f'{{name = "gateway", base_url = "{base_url}", env_key = "TOKEN", wire_api = "responses", http_headers = {{{fields}}}}}'
    )
    options = ["-c", "model_provider=gateway", "-c", f"model_providers.gateway={provider}", "-c", "analytics.enabled=false"]
    unasked = "--dangerously-bypass-approvals-and-sandbox"
    return ["codex", "exec", "--skip-git-repo-check", unasked, "-m", model, *options, prompt], {"TOKEN": at.token}


def opencode_native(at: Place, prompt: str) -> Command:
    return _opencode(at, prompt, GPT, at.service.native(at.gateway_id, "openai"), {"cf-aig-authorization": at.own})


def opencode_compat(at: Place, prompt: str) -> Command:
    return _opencode(at, prompt, f"openai/{GPT}", at.service.native(at.gateway_id, "compat"), {})


def _opencode(at: Place, prompt: str, model: str, base_url: str, headers: dict[str, str]) -> Command:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": base_url, "apiKey": at.token, "headers": headers, "includeUsage": True},
        "models": {model: {"name": "model", "tool_call": True}},
    }
    config = {
        "provider": {"gateway": provider},
        "model": f"gateway/{model}",
        "small_model": f"gateway/{model}",
        "share": "disabled",
    }
    config |= {"autoupdate": False, "permission": {"read": "allow"}}
    return ["opencode", "run", "-m", f"gateway/{model}", prompt], {"OPENCODE_CONFIG_CONTENT": json.dumps(config)}


def gemini_native(at: Place, prompt: str) -> Command:
    settings = at.work.parent / "home" / ".gemini" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}, "telemetry": {"enabled": False}}))
    return ["gemini", "-m", GEMINI, "--yolo", "-p", prompt], {
        "GEMINI_API_KEY": at.token,
        "GOOGLE_GEMINI_BASE_URL": at.service.native(at.gateway_id, "google-ai-studio"),
        "GEMINI_CLI_CUSTOM_HEADERS": f"cf-aig-authorization:{at.own}",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }


AGENTS: list[tuple[Callable[[Place, str], Command], str, str]] = [
    (claude_native, "br", CLAUDE),
    (claude_rest, "zstd", CLAUDE),
    (codex_native, "gzip", GPT),
    (codex_rest, "", GPT),
    (opencode_native, "zstd", GPT),
    (opencode_compat, "br", GPT),
    (gemini_native, "gzip", GEMINI),
]


@pytest.mark.parametrize(
    ("agent", "coding", "model"), AGENTS, ids=[f"{agent.__name__}-{coding or 'plain'}" for agent, coding, _ in AGENTS]
)
@pytest.mark.timeout(180)
def test_a_prompt_with_a_tools_round_trip(
    agent: Callable[[Place, str], Command],
    coding: str,
    model: str,
    run: Any,
    tmp_path: Path,
    service: Service,
    gateway_id: str,
    run_token: Token,
    upstream: FakeProvider,
) -> None:
    for provider, secret in (("openai", "sk-s"), ("anthropic", "sk-ant-s"), ("google-ai-studio", "AIza-s")):
        service.management.store_key(gateway_id, provider, secret)
    codings: list[tuple[str, str]] = []
    upstream.always = agent_turns(coding, codings)
    work = tmp_path / "work"
    prompt = f"Read the file {work}/note.txt and tell me the word that stands in it."
    said = run(*agent(Place(service, gateway_id, run_token.value, work), prompt))
    assert WORD in said.out, said.out[-3000:]
    assert said.status == 0, said.out[-3000:]
    assert "reconnect" not in said.out.lower(), said.out[-3000:]
    asked = [one for one in upstream.requests if one.method == "POST" and "count_tokens" not in one.target]
    assert {sent for _, sent in codings} == {coding}, codings
    assert sum(WORD in one.body.decode("utf-8", "replace") for one in asked) >= 1, "the tool's answer went up"
    assert all(run_token.value not in value for one in upstream.requests for _, value in one.headers)

    def rows() -> list[dict[str, Any]]:
        found = service.management.call("GET", f"/ai-gateway/gateways/{gateway_id}/logs?per_page=50")
        return [row for row in found if row["status_code"] == 200 and row["tokens_out"]] if len(found) >= len(asked) else []

    logged = until(rows)
    assert len(logged) >= 2
    for row in logged:
        assert (row["model"], row["tokens_out"], row["success"]) == (model, TOKENS_OUT, True)
        assert row["tokens_in"] > 0
        assert row["cost"] > 0
