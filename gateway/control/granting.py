"""Whether a caller may make a token such as this one, and with it change, roll, disable or delete it (decision 0022)."""

from dataclasses import replace
from typing import Final

from gateway.control.access import Caller
from gateway.control.grants import bound, excess, in_effect, principal_of
from gateway.kit.clock import Clock
from gateway.model.faults import CONFLICT, MANAGEMENT_FORBIDDEN, Refusal
from gateway.model.tokens import Permission, Token
from gateway.store.reads import TokenReads

_BEYOND: Final = {
    "policies": "The token would hold a permission, account or gateway that yours does not",
    "expires_on": "The token would outlast yours: it needs an expires_on that is no later",
    "not_before": "The token would begin before yours",
    "condition": "The token would be good for addresses that yours is not: condition",
}


def founding(token: Token) -> bool:
    """Whether the service made it, for the operator to make the first tokens with: they go on when it ends, by the clock or
    otherwise."""
    return not token.maker_id


class Granting:
    def __init__(self, tokens: TokenReads, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def check_reach(self, caller: Caller, token: Token) -> None:
        """Raises Refusal for a token that may do more than the caller's: it is neither made, nor touched in any way."""
        holder, wanted = caller.principal, principal_of(token)
        if founding(caller.token) and token.id != caller.token.id:
            holder = replace(holder, expires_on=None)
        beyond = excess(holder, wanted, self._clock.wall())
        if beyond is not None:
            raise Refusal(MANAGEMENT_FORBIDDEN, _BEYOND[beyond])

    def check(self, caller: Caller, token: Token) -> None:
        """The same, and whether the caller may have one that goes on without it: its value would outlive the caller's."""
        self.check_reach(caller, token)
        lasting_itself = token.id == caller.token.id and caller.token.outlives_maker
        may = lasting_itself or caller.principal.may(token.account_id, Permission.LASTING_TOKENS_WRITE)
        if token.outlives_maker and not may:
            raise Refusal(
                MANAGEMENT_FORBIDDEN, f"Only a token with {Permission.LASTING_TOKENS_WRITE} handles tokens with outlives_maker"
            )

    async def check_maker(self, token: Token, *, revived: bool) -> None:
        """A token that ends with its maker is not given what that does not have, nor brought back without it."""
        if not bound(token):
            return
        maker = await self._tokens.get(token.maker_id)
        held = None if maker is None or maker.rolls != token.maker_rolls else await in_effect(self._tokens, maker)
        if held is None:
            if revived:
                raise Refusal(CONFLICT, "The token this one was made with has ended: it goes on only with outlives_maker")
        elif excess(held, principal_of(token), self._clock.wall()) is not None:
            raise Refusal(CONFLICT, "This token ends with the one it was made with, and cannot have more than that")
