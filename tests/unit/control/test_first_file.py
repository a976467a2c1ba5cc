"""The file of the first token is emptied when that has ended, and no sooner."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.control import ACCOUNT, MovableClock
from fakes.store import MemoryStore

from gateway.control.bootstrap import SETTING
from gateway.control.first_file import FirstTokenFile
from gateway.control.grants import everything
from gateway.control.peppers import Peppers
from gateway.model.tokens import Token, mint_token

PEPPER, NEWER = b"p" * 32, b"n" * 32


class Watched:
    """A first token, its file, and rounds that pass when told to."""

    def __init__(self, folder: Path) -> None:
        self.store, self.clock, self.value = MemoryStore(ACCOUNT), MovableClock(), mint_token()
        self.path = folder / "bootstrap-token"
        self.path.write_text(self.value + "\n")
        self.path.chmod(0o600)
        kept = Peppers(self.store.tokens, (PEPPER,)).kept(self.value)
        self.token = Token(
            id="t" * 32,
            account_id=ACCOUNT,
            kind="account",
            name="bootstrap",
            **kept._asdict(),
            status="active",
            policies=everything(),
            condition=None,
            issued_on=self.clock.wall(),
            modified_on=self.clock.wall(),
            expires_on=self.clock.wall() + 60,
        )
        self.store.put_fact(SETTING, f"done {self.token.id} {kept.digest.hex()}")
        self.rounds = 0

    async def watch(self, *peppers: bytes, rounds: int = 2) -> str:
        """What the file holds after so many rounds."""
        enough = asyncio.Event()

        async def pause(_: float) -> None:
            self.rounds += 1
            if self.rounds >= rounds:
                enough.set()
                await asyncio.Event().wait()

        known = Peppers(self.store.tokens, peppers or (PEPPER,))
        file = FirstTokenFile(self.path, self.store.facts, self.store.tokens, known, self.clock, pause)
        file.start()
        assert file._task is not None
        waiting = asyncio.create_task(enough.wait())
        await asyncio.wait((file._task, waiting), return_when=asyncio.FIRST_COMPLETED, timeout=10)
        waiting.cancel()
        await file.close()
        return self.path.read_text() if self.path.exists() else "-"

    async def put(self, **changed: object) -> None:
        if await self.store.tokens.get(self.token.id) is not None:
            await self.store.tokens.delete(self.token.id)
        await self.store.tokens.insert(replace(self.token, **changed))  # type: ignore[arg-type]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def test_a_token_that_is_good_stays_in_its_file(watched: Watched) -> None:
    await watched.put()
    assert await watched.watch() == f"{watched.value}\n"
    assert await watched.watch(NEWER, PEPPER) == f"{watched.value}\n", "an older pepper still tells it"


async def test_one_that_is_disabled_may_be_enabled_again(watched: Watched) -> None:
    await watched.put(status="disabled")
    assert await watched.watch() == f"{watched.value}\n"


async def test_an_expired_one_goes(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await watched.put()
    watched.clock.move(60)
    assert await watched.watch() == ""
    assert watched.path.stat().st_mode & 0o777 == 0o600
    assert f"it has expired, or another token may do everything): {watched.path} was emptied" in caplog.text
    assert watched.value not in caplog.text
    assert await watched.watch() == "", "and there is nothing more to do"


async def test_a_deleted_one_goes(watched: Watched) -> None:
    assert await watched.watch() == ""


async def test_a_rolled_one_goes(watched: Watched) -> None:
    await watched.put(digest=b"d" * 32)
    assert await watched.watch() == ""


async def test_one_that_is_being_handed_out_stays(watched: Watched) -> None:
    watched.store.put_fact(SETTING, f"pending {watched.token.id} x")
    assert await watched.watch() == f"{watched.value}\n"


async def test_a_store_that_is_down_is_asked_again(watched: Watched) -> None:
    watched.store.down = True
    assert await watched.watch() == f"{watched.value}\n"
    watched.store.down = False
    assert await watched.watch(rounds=9) == ""


async def test_a_file_that_is_not_there_is_not_made(watched: Watched) -> None:
    watched.path.unlink()
    assert await watched.watch() == "-"


async def test_a_file_that_cannot_be_written_is_named(
    watched: Watched, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.open

    def refusing(path: Path, mode: str = "r", **how: object) -> object:
        if "+" in mode:
            raise PermissionError(13, "Permission denied")
        return usual(path, mode, **how)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refusing)
    await watched.watch()
    assert f"{watched.path} cannot be emptied: Permission denied" in caplog.text
