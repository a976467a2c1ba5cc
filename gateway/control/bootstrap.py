"""The first start: one account and one token that may do everything, so that someone can make the rest."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.control.access import Access
from gateway.control.audit import Audit, Resource, by_service
from gateway.control.grants import everything, holds_everything
from gateway.control.peppers import Kept
from gateway.kit.clock import Clock
from gateway.kit.ids import hex32
from gateway.model.service import ControlConfig
from gateway.model.stored import Account
from gateway.model.tokens import Token, mint_token, well_formed
from gateway.store.store import Store

TOKEN_NAME: Final = "bootstrap"  # noqa: S105  a name, no secret
_HOUR_S: Final = 3600
SETTING: Final = "bootstrap"
"""`{state} {token id} {digest}`: `pending` until the token is stored, then `done`. The digest is that of the value given
out, so a preset that changes is told from a token that was rolled or deleted on purpose."""

_log = logging.getLogger("gateway.bootstrap")


@dataclass(frozen=True, slots=True)
class Bootstrap:
    config: ControlConfig
    store: Store
    access: Access
    clock: Clock
    audit: Audit
    on_bootstrap: Callable[[str], None]
    """Takes the value in clear and puts it where the operator finds it; the only one who is told."""

    async def run(self) -> None:
        """Make what is missing; may be repeated after a failure. Raises StoreDown, ValueError for a malformed preset."""
        preset = self.config.bootstrap_token
        if preset and not well_formed(preset):
            raise ValueError("the preset bootstrap token is not of the form of a token")
        state, token_id, digest = ((await self.store.facts.get(SETTING) or "") + "  ").split(" ")[:3]
        if state == "done":
            digests = [each.hex() for each in self.access.peppers.digests(preset).values()]
            if preset and digest not in digests:
                await self._follow(token_id, preset)
            elif preset and digest != digests[0]:  # the value is the same, the pepper was rotated
                await self.store.facts.put(SETTING, f"done {token_id} {digests[0]}")
            return
        account_id = await self._account()
        if token_id:
            await self.store.tokens.delete(token_id)
        await self._hand_out(hex32(), account_id, preset or mint_token())

    async def _account(self) -> str:
        accounts = await self.store.accounts.all()
        wanted = self.config.account_id
        if accounts:
            return wanted if any(account.id == wanted for account in accounts) else accounts[0].id
        account = Account(id=wanted or hex32(), name="Default account", created_at=self.clock.wall())
        entry = self.audit.entry(by_service(account.id), "create", Resource("account", account.id, account.name))
        await self.audit.commit(entry, self.store.accounts.insert(account, entry))
        return account.id

    async def _hand_out(self, token_id: str, account_id: str, value: str) -> None:
        """File first, then store: a token nobody can read the value of must not exist."""
        kept = self.access.peppers.kept(value)
        await self.store.facts.put(SETTING, f"pending {token_id} {kept.digest.hex()}")
        self.on_bootstrap(value)
        token = self._token(token_id, account_id, kept)
        entry = self.audit.entry(by_service(account_id), "create", Resource("token", token_id, token.name))
        await self.audit.commit(entry, self.store.tokens.insert(token, entry))
        await self.store.facts.put(SETTING, f"done {token_id} {kept.digest.hex()}")

    async def _follow(self, token_id: str, preset: str) -> None:
        """The operator preset another value: the old one ends. A deleted token comes back: the way out of a lock-out."""
        token = await self.store.tokens.get(token_id)
        if token is None:
            await self._hand_out(hex32(), await self._account(), preset)
            return
        kept = self.access.peppers.kept(preset)
        self.on_bootstrap(preset)
        changed = replace(
            token,
            **kept._asdict(),
            rolls=token.rolls + 1,
            status="active",
            modified_on=self.clock.wall(),
            expires_on=self._end(),
        )
        entry = self.audit.entry(by_service(token.account_id), "roll", Resource("token", token_id, token.name))
        await self.audit.commit(entry, self.store.tokens.update(changed, entry))
        await self.store.facts.put(SETTING, f"done {token_id} {kept.digest.hex()}")

    def _token(self, token_id: str, account_id: str, kept: Kept) -> Token:
        now = self.clock.wall()
        return Token(
            id=token_id,
            account_id=account_id,
            kind="account",
            name=TOKEN_NAME,
            **kept._asdict(),
            status="active",
            policies=everything(),
            condition=None,
            issued_on=now,
            modified_on=now,
            expires_on=self._end(),
        )

    def _end(self) -> float:
        hours = self.config.bootstrap_hours
        _log.info("the first token may do everything for %d h, or until another token that may is made", hours)
        return self.clock.wall() + hours * _HOUR_S

    async def succeeded_by(self, made: Token) -> tuple[bytes, ...]:
        """End the first token when another that may do everything is there; the digests the edges must forget."""
        if self.config.bootstrap_stays or not holds_everything(made, len(await self.store.accounts.all())):
            return ()
        _, token_id, *_ = (await self.store.facts.get(SETTING) or " ").split(" ")
        token = await self.store.tokens.get(token_id)
        now = self.clock.wall()
        if token is None or (token.expires_on is not None and token.expires_on <= now):
            return ()
        entry = self.audit.entry(
            by_service(token.account_id), "update", Resource("token", token.id, token.name, after={"ended": True})
        )
        await self.audit.commit(entry, self.store.tokens.update(replace(token, expires_on=now, modified_on=now), entry))
        _log.info("the first token has ended: token %s may do everything now", made.id)
        return token.known_by
