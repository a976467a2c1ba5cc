"""The first start, the starts after it, and the ones in between that failed."""

from dataclasses import replace

import pytest
from fakes.control import ACCOUNT, MovableClock
from fakes.store import MemoryStore

from gateway.control.access import Access
from gateway.control.audit import Audit
from gateway.control.bootstrap import Bootstrap
from gateway.control.grants import principal_of
from gateway.control.peppers import Peppers
from gateway.control.sessions import Sessions
from gateway.model.service import ControlConfig
from gateway.model.tokens import ALL_PERMISSIONS, Token, mint_token, well_formed
from gateway.store.errors import StoreDown

PEPPER = b"p" * 32


class Starts:
    """Starts of a service on one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.handed_out: list[str] = []
        self.account_id = ACCOUNT

    async def start(self, preset: str = "", *peppers: bytes) -> None:
        peppers = peppers or (PEPPER,)
        config = ControlConfig(control_socket="", pepper=PEPPER, bootstrap_token=preset, account_id=self.account_id)
        clock = MovableClock()
        access = Access(
            Peppers(self.store.tokens, peppers),
            self.store.tokens,
            self.store.accounts,
            clock,
            Sessions(self.store.sessions, clock, peppers, ""),
        )
        self.digest = lambda value: access.peppers.kept(value).digest
        await Bootstrap(config, self.store, access, clock, Audit(self.store.audit, clock), self.handed_out.append).run()

    @property
    def token(self) -> Token:
        (token,) = self.store.all_tokens.values()
        return token


async def test_the_first_start_makes_an_account_and_a_token_for_everything() -> None:
    starts = Starts()
    await starts.start()
    (value,) = starts.handed_out
    assert well_formed(value)
    token = starts.token
    assert (token.name, token.account_id, token.digest) == ("bootstrap", ACCOUNT, starts.digest(value))
    principal = principal_of(token)
    assert all(principal.may(account, name) for name in ALL_PERMISSIONS for account in (ACCOUNT, "f" * 32))
    assert [account.id for account in await starts.store.accounts.all()] == [ACCOUNT]


async def test_later_starts_change_nothing() -> None:
    starts = Starts()
    await starts.start()
    token = starts.token
    await starts.start()
    assert (starts.token, len(starts.handed_out)) == (token, 1)


async def test_an_account_id_is_made_up_when_none_is_preset() -> None:
    starts = Starts()
    starts.account_id = ""
    await starts.start()
    (account,) = await starts.store.accounts.all()
    assert len(account.id) == 32


async def test_a_preset_is_used_and_followed() -> None:
    starts = Starts()
    first, second = mint_token(), mint_token()
    await starts.start(first)
    assert starts.handed_out == [first]
    token_id = starts.token.id
    await starts.start(second)
    assert (starts.token.id, starts.token.digest) == (token_id, starts.digest(second))
    await starts.start(second)
    assert starts.handed_out == [first, second]


async def test_a_rolled_token_is_not_reset_by_the_same_preset() -> None:
    starts = Starts()
    preset = mint_token()
    await starts.start(preset)
    await starts.store.tokens.update(replace(starts.token, digest=b"rolled"))
    await starts.start(preset)
    assert starts.token.digest == b"rolled"


async def test_a_deleted_token_comes_back_only_with_another_preset() -> None:
    starts = Starts()
    first, second = mint_token(), mint_token()
    await starts.start(first)
    await starts.store.tokens.delete(starts.token.id)
    await starts.start(first)
    await starts.start()
    assert starts.store.all_tokens == {}
    await starts.start(second)
    assert starts.token.digest == starts.digest(second)


@pytest.mark.parametrize("failing", ["accounts.insert", "facts.put", "tokens.insert"])
async def test_a_start_that_failed_half_way_is_made_good(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = Starts()

    async def fail(*_: object) -> None:
        raise StoreDown("now")

    with monkeypatch.context() as patch:
        table, _, method = failing.partition(".")
        patch.setattr(getattr(starts.store, table), method, fail)
        with pytest.raises(StoreDown):
            await starts.start()
    await starts.start()
    assert starts.token.digest == starts.digest(starts.handed_out[-1])
    assert len(await starts.store.accounts.all()) == 1


async def test_a_malformed_preset_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError) as caught:
        await Starts().start("hunter2")
    assert "hunter2" not in str(caught.value)


async def test_a_preset_is_the_same_after_the_pepper_was_rotated_and_retired() -> None:
    """Else the first token would come back, with a new end, at the next start."""
    starts, preset = Starts(), mint_token()
    await starts.start(preset, b"o" * 32)
    token = starts.token
    for peppers in ([b"n" * 32, b"o" * 32], [b"n" * 32]):
        await starts.start(preset, *peppers)
        assert starts.token == token
    assert starts.handed_out == [preset]
