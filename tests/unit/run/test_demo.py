import shlex

import orjson

from gateway.run.demo import Stage, commands, requests

STAGE = Stage("http://127.0.0.1:1", "d" * 32, "agw_demo")


def shell_lines() -> list[list[str]]:
    return [shlex.split(line) for line in commands(STAGE).splitlines() if line.startswith("curl ")]


def test_the_curl_commands_are_the_requests_that_once_sends() -> None:
    streaming = [words for words in shell_lines() if "-sN" in words]
    assert len(streaming) == len(requests(STAGE)) == 4
    for words, (_, url, headers, body) in zip(streaming, requests(STAGE), strict=True):
        assert words[2] == url
        assert [f"{name}: {value}" for name, value in headers.items()] == [
            words[place + 1] for place, word in enumerate(words) if word == "-H"
        ]
        assert words[-1] == body
        assert isinstance(orjson.loads(body), dict)


def test_both_trees_carry_the_token_where_they_want_it() -> None:
    for _, url, headers, _ in requests(STAGE):
        slot = "Authorization" if "/client/v4/" in url else "cf-aig-authorization"
        assert headers[slot] == "Bearer agw_demo"


def test_the_scripts_are_whole_and_parse() -> None:
    text = commands(STAGE)
    python = text.split("python3 - <<'END'\n")[1].split("\nEND")[0]
    compile(python, "printed", "exec")
    node = text.split("node --input-type=module <<'END'\n")[1].split("\nEND")[0]
    for script in (python, node):
        assert f"{STAGE.origin}/client/v4/accounts/{STAGE.account_id}/ai/v1" in script
        assert STAGE.token in script
    assert "{{" not in text.replace("}}", "")
