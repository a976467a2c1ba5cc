"""Marked secrets travel through the real service and are looked for wherever they must not be."""

from collections.abc import Callable
from pathlib import Path

from fakes.provider import FakeProvider, hang_up, reply, stall
from fakes.service import Answer, Service, call

from gateway.model.tokens import mint_token

MARK = "CANARY0f7d2c"


def files_holding(folder: Path, needles: dict[str, bytes]) -> set[tuple[str, str]]:
    """(what, where) of every secret found in a file under the folder."""
    found = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found |= {(what, path.name) for what, needle in needles.items() if needle in content}
    return found


def test_no_secret_is_left_anywhere(start_service: Callable[..., Service], shared_provider: FakeProvider) -> None:
    shared_provider.reset()
    bases = {"openai": "/v1", "google-ai-studio": ""}
    service = start_service(
        providers={slug: shared_provider.origin + path for slug, path in bases.items()},
        workers=2,
        environment={"GATEWAY_LOG__LEVEL": "debug"},
    )
    management = service.management
    management.create_gateway("g1")
    token, invented = management.create_token(), mint_token()
    secrets = {
        "gateway token": token.value,
        "token in the key slot": management.create_token().value,
        "invented token": invented,
        "bootstrap token": management.token,
        "provider key": f"sk-header-{MARK}",
        "stored key": f"sk-stored-{MARK}",
        "query key": f"AIza-query-{MARK}",
    }
    management.store_key("g1", "openai", secrets["stored key"])
    answers: list[Answer] = []

    def ask(path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = call(service.origin, "POST", f"/v1/{service.account}/g1/{path}", headers=named, body={"model": "m"})
        answers.append(answer)
        return answer

    ours = {"cf_aig_authorization": token.bearer}
    own = {"Authorization": f"Bearer {secrets['provider key']}"}
    query = f"google-ai-studio/v1beta/models/m:generateContent?key={secrets['query key']}"
    assert ask("openai/chat/completions", **ours, **own).status == 200
    assert ask(query, **ours).status == 200
    assert ask("openai/chat/completions", Authorization=f"Bearer {secrets['token in the key slot']}").status == 200
    assert shared_provider.requests[-1].header("authorization") == f"Bearer {secrets['stored key']}"
    assert ask("openai/x", cf_aig_authorization=f"Bearer {invented}", **own).status == 401
    assert ask(query).status == 401
    assert ask(f"nobody/x?key={secrets['query key']}", **ours, **own).status == 400
    assert ask(f"openai/../x?key={secrets['query key']}", **ours, **own).status == 400
    assert ask("openai/x", **ours, cf_aig_byok_alias="nobody").status == 400
    for behaviour, status in (
        (hang_up("rst"), 502),
        (hang_up("fin", b"HTTP/1.1 200 OK\r\nbad"), 502),
        (stall(), 504),
        (reply(b"{}", 401), 401),
    ):
        shared_provider.always = behaviour
        assert ask("openai/x", **ours, **own, cf_aig_request_timeout="500").status == status
        assert ask(query, **ours, cf_aig_request_timeout="500").status == status
    management.delete_token(token.id)
    assert ask("openai/x", **ours, **own).status == 401
    answers.append(call(service.origin, "GET", f"/{invented}", headers={"Cookie": f"t={invented}"}))
    answers.append(call(service.ops_origin, "GET", "/metrics"))

    assert service.stop() == 0, "everything is written that will be"
    needles = {what: value.encode() for what, value in secrets.items()}
    for answer in answers:
        shown = answer.body + repr(answer.headers).encode()
        assert [what for what, needle in needles.items() if needle in shown] == []
    log = service.log_path.read_bytes()
    assert len(log) > 0
    assert [what for what, needle in needles.items() if needle in log] == []
    assert files_holding(service.data_dir, needles) <= {("bootstrap token", "bootstrap-token")}
