import argparse
import subprocess
from typing import Any

import pytest

from gateway.run import tokens
from gateway.run.client import ApiError, Client
from gateway.run.layers import ConfigError

ID = "0123456789abcdef0123456789abcdef"


class FakeClient(Client):
    def __init__(self, *answers: Any) -> None:
        super().__init__("http://gw", "t")
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append((method, path, body))
        return self.answers.pop(0)


def given(**values: Any) -> argparse.Namespace:
    plain = {"account": "acc", "gateway": [], "permission": [], "expires_on": "", "json": False, "lasting": False}
    return argparse.Namespace(**plain | values)


def test_create_prints_the_value_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient({"id": ID, "name": "app", "value": "agw_new"})
    tokens.create(client, given(name="app", expires_on="2030-01-01T00:00:00Z", lasting=True))
    shown = capsys.readouterr()
    assert shown.out == "agw_new\n"
    assert "agw_new" not in shown.err
    assert client.asked == [
        (
            "POST",
            "/accounts/acc/tokens",
            {
                "name": "app",
                "policies": [
                    {
                        "effect": "allow",
                        "permission_groups": [{"name": "AI Gateway Run"}],
                        "resources": {"com.cloudflare.api.account.acc": "*"},
                    }
                ],
                "expires_on": "2030-01-01T00:00:00Z",
                "outlives_maker": True,
            },
        )
    ]


@pytest.mark.parametrize(
    ("permissions", "names"),
    [
        ([], ["AI Gateway Run"]),
        (["run", "read"], ["AI Gateway Run", "AI Gateway Read"]),
        (["Edit"], ["AI Gateway Write"]),
        (["ai gateway metadata read"], ["AI Gateway Metadata Read"]),
    ],
)
def test_permissions_by_short_or_full_name(permissions: list[str], names: list[str]) -> None:
    assert tokens.policy("a", permissions, [])["permission_groups"] == [{"name": name} for name in names]


def test_an_unknown_permission_is_a_usage_error() -> None:
    with pytest.raises(ConfigError, match="unknown permission; valid are run, read, edit"):
        tokens.policy("a", ["everything"], [])


def test_a_token_may_be_limited_to_gateways() -> None:
    assert tokens.policy("a", [], ["prod", "dev"])["resources"] == {
        "com.cloudflare.api.account.a": {"com.cloudflare.api.ai-gateway.prod": "*", "com.cloudflare.api.ai-gateway.dev": "*"}
    }


def test_list_pages_until_empty_and_keeps_escapes_from_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    token = {"id": ID, "status": "active", "name": "evil\x1b[2J", "last_used_on": None}
    client = FakeClient([token], [token | {"name": "plain"}], [])
    tokens.list_all(client, given())
    lines = capsys.readouterr().out.splitlines()
    assert len(client.asked) == 3
    assert lines[0].startswith(f"{ID}  active    never used")
    assert lines[0].endswith("evil?[2J")
    assert lines[1].endswith("plain")


def test_revoke_and_roll_name_the_token_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient({"id": ID}, "agw_rolled")
    tokens.revoke(client, given(id=ID))
    tokens.roll(client, given(id=ID))
    assert client.asked == [("DELETE", f"/accounts/acc/tokens/{ID}", None), ("PUT", f"/accounts/acc/tokens/{ID}/value", {})]
    assert capsys.readouterr().out == "agw_rolled\n"


@pytest.mark.parametrize("action", [tokens.revoke, tokens.roll])
def test_a_value_in_place_of_an_id_is_refused_and_not_repeated(action: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        action(FakeClient(), given(id="agw_secret"))
    assert "agw_secret" not in str(caught.value)


def test_the_environment_is_exports_and_comments(capsys: pytest.CaptureFixture[str]) -> None:
    tokens.environment(FakeClient({"id": "acc"}, {"id": "prod"}), given(gateway="prod", check=False))
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line]
    assert all(line.startswith(("# ", "#   ", "export ")) for line in lines)
    assert "export OPENAI_BASE_URL=http://gw/client/v4/accounts/acc/ai/v1" in lines
    assert "export ANTHROPIC_BASE_URL=http://gw/v1/acc/prod/anthropic" in lines
    assert not any(line.startswith("export AIG_TOKEN") for line in lines), "what the shell has already stays"


def test_a_shell_takes_the_environment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens.sys, "argv", ["/opt/a folder/bin/gateway"])
    tokens.environment(FakeClient({"id": "acc"}), given(gateway="", check=False))
    shown = capsys.readouterr().out
    assert "export AIG_TOKEN=\"$('/opt/a folder/bin/gateway' token create my-app)\"" in shown
    script = shown + 'printf "%s|%s" "$AIG_TOKEN" "$ANTHROPIC_CUSTOM_HEADERS"'
    done = subprocess.run(["/bin/sh", "-euc", script], env={"AIG_TOKEN": "agw_x"}, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("agw_x|cf-aig-authorization: Bearer agw_x", "")


def _refusing(status: int, *before: Any) -> FakeClient:
    client = FakeClient(*before)
    plain = client.call

    def call(method: str, path: str, body: Any = None) -> Any:
        if not client.answers:
            raise ApiError(f"http://gw answers {status}", status)
        return plain(method, path, body)

    client.call = call  # type: ignore[method-assign]
    return client


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ApiError, match="no account nope is known to this token"):
        tokens.environment(_refusing(403), given(account="nope", gateway="", check=False))
    for action in (tokens.environment, tokens.create):
        with pytest.raises(ApiError, match="account acc has no gateway nosuch"):
            names: Any = "nosuch" if action is tokens.environment else ["nosuch"]
            account = [{"id": "acc"}] if action is tokens.environment else []
            action(_refusing(404, *account), given(gateway=names, name="x", check=False))
    with pytest.raises(ApiError, match="answers 503"):
        tokens.environment(_refusing(503), given(gateway="", check=False))


def test_a_check_wants_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIG_TOKEN", raising=False)
    with pytest.raises(ApiError, match="AIG_TOKEN is not set"):
        tokens.environment(FakeClient({"id": "acc"}), given(gateway="", check=True))
