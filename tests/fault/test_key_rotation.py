"""Promise: the service's own keys are rotated and retired under load, and no request notices; what was stored before opens, and
a backup from before is readable with the keys of its time."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.load import Load
from fakes.processes import until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call, clean_environment

pytestmark = pytest.mark.timeout(900)
KINDS = ("pepper", "master-key")
PATIENCE_S = 180.0
ATTEMPTS = 4


def keys(service: Service, *arguments: str) -> list[str]:
    """What `gateway keys` prints, split into words where it is the list."""
    command = [sys.executable, "-m", "gateway", "keys", *arguments, "--data-dir", str(service.data_dir)]
    env = clean_environment({"GATEWAY_URL": service.origin})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def ids(service: Service, kind: str) -> list[str]:
    return [line.split()[1] for line in keys(service, "list", kind)]


def depending(service: Service, kind: str, key: str) -> int:
    """The number before `tokens` or `seals`."""
    (line,) = [line for line in keys(service, "list", kind) if line.split()[1] == key]
    words = line.split()
    return int(words[words.index("tokens" if kind == "pepper" else "seals") - 1])


def reload(service: Service, number: int) -> None:
    """Until the workers are new ones. Where the machine is so busy that a reload gives up, it is asked for again, as an
    operator would: the workers from before serve meanwhile, with a control that has the new keys already."""
    assert service.process is not None
    before = workers(service)
    for attempt in range(ATTEMPTS):
        given_up = service.log_path.read_text().count("reload failed")
        service.process.send_signal(signal.SIGHUP)
        until(
            lambda given_up=given_up: (
                service.log_path.read_text().count("reloaded: 2 workers") == number
                or service.log_path.read_text().count("reload failed") > given_up
            ),
            f"reload {number}, attempt {attempt}",
            PATIENCE_S,
        )
        if service.log_path.read_text().count("reloaded: 2 workers") == number:
            break
    until(lambda: not set(before) & set(workers(service)), "the old workers have drained", PATIENCE_S)


def reaches_the_provider(service: Service, provider: FakeProvider, token: str) -> bool:
    """Whether the token is good and the stored key opens."""
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    answer = call(service.native("stored", "openai"), "POST", f"/v1/{service.account}/stored/openai/chat/completions",
                  headers=headers, body={"model": "gpt-4o-mini", "messages": []})  # fmt: skip
    sent = [request.header("authorization") for request in list(provider.requests)]
    return answer.status == 200 and "Bearer sk-stored" in sent


def backup(service: Service, folder: Path) -> None:
    """Store and keys, as the deployment's documentation has it."""
    folder.mkdir()
    source, target = (
        sqlite3.connect(f"file:{service.data_dir}/gateway.db?mode=ro", uri=True),
        sqlite3.connect(folder / "gateway.db"),
    )
    source.backup(target)
    source.close()
    target.close()
    for kind in KINDS:
        shutil.copy(service.data_dir / kind, folder / kind)


def test_rotation_under_load_fails_nothing(tmp_path: Path, shared_provider: FakeProvider) -> None:
    shared_provider.reset()
    providers = {"openai": shared_provider.origin + "/v1"}
    with Service(tmp_path / "data", providers=providers, workers=2) as service:
        until(lambda: "gateway ready on" in service.log_tail(), "all workers are ready", PATIENCE_S)
        management = service.management
        management.create_gateway("stored")
        management.store_key("stored", "openai", "sk-stored")
        busy, idle, revoked = (management.create_token() for _ in range(3))
        backup(service, tmp_path / "backup")
        old = {kind: ids(service, kind)[0] for kind in KINDS}
        with Load(service, busy.value, clients=3) as load:
            for kind in KINDS:
                keys(service, "rotate", kind)
            reload(service, 1)
            load.more(20)
            assert [ids(service, kind)[1:] for kind in KINDS] == [[old["pepper"]], [old["master-key"]]]
            made = management.create_token()
            until(lambda: depending(service, "master-key", old["master-key"]) == 0, "all is sealed anew", PATIENCE_S)
            assert depending(service, "pepper", old["pepper"]) >= 2, "two tokens were not used since"
            for token in (idle, revoked, made):
                assert reaches_the_provider(service, shared_provider, token.value)
            until(lambda: depending(service, "pepper", old["pepper"]) == 0, "all tokens were seen", PATIENCE_S)
            management.delete_token(revoked.id)
            assert not reaches_the_provider(service, shared_provider, revoked.value)
            for kind in KINDS:
                keys(service, "retire", kind, old[kind])
            reload(service, 2)
            load.more(20)
            shared_provider.reset()
            for token in (busy, idle, made):
                assert reaches_the_provider(service, shared_provider, token.value)
        print(f"two keys rotated and retired: {dict(load.outcomes)}")
        assert load.failed == 0, load.outcomes
        assert [len(ids(service, kind)) for kind in KINDS] == [1, 1]
    restored(tmp_path, providers, shared_provider, idle.value)


def restored(folder: Path, providers: dict[str, str], provider: FakeProvider, token: str) -> None:
    """The backup with the new keys alone is refused; with those of its time below them it is what it was."""
    data = folder / "restored"
    shutil.copytree(folder / "backup", data)
    for kind in KINDS:
        fresh = (folder / "data" / kind).read_text()
        (data / kind).write_text(fresh)
    with pytest.raises(AssertionError, match=r"is not the (pepper|master-key) that the store was made with"):
        Service(data, providers=providers).start()
    for kind in KINDS:
        (data / kind).write_text((data / kind).read_text() + (folder / "backup" / kind).read_text())
        (data / kind).chmod(0o600)
    provider.reset()
    with Service(data, providers=providers) as service:
        assert reaches_the_provider(service, provider, token)
