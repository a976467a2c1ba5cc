"""The dashboard's session: sign in with a token, see what it may do, sign out. Ours beyond Cloudflare's API.

The token is looked at once and never kept; the cookie is a random value that means something to this server alone.
"""

from contextlib import suppress
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from gateway.control.access import CLIENT_FIELD, Access, Caller
from gateway.control.answers import answer
from gateway.control.api.parsing import Body, read_body
from gateway.control.audit import Audit
from gateway.control.granting import founding
from gateway.control.sessions import Sessions, clear_cookies, set_cookie
from gateway.control.throttle import Throttle
from gateway.kit.clock import Clock
from gateway.model.faults import BODY_TOO_LARGE, INVALID_API_TOKEN, SIGN_IN_THROTTLED, Refusal
from gateway.model.stored import StoredSession
from gateway.protocol.envelope import rfc3339, rfc3339_or_none
from gateway.store.errors import StoreDown
from gateway.store.reads import TokenReads

BODY_BYTES: Final = 4096
"""Of a sign-in, which holds one token."""


class SignInBody(Body):
    token: Annotated[str, Field(max_length=256)]


class SignIn:
    def __init__(
        self, access: Access, tokens: TokenReads, audit: Audit, sessions: Sessions, clock: Clock, gateway_url: str = ""
    ) -> None:
        """`gateway_url`: where inference is served, if not where the dashboard is."""
        self._gateway_url = gateway_url
        self._access = access
        self._clock = clock
        self._tokens = tokens
        self._audit = audit
        self._sessions = sessions
        self._throttle = Throttle(clock)

    def routes(self) -> list[web.RouteDef]:
        one = "/client/v4/user/session"
        return [web.post(one, self.create), web.get(one, self.get), web.delete(one, self.delete)]

    async def create(self, request: web.Request) -> web.Response:
        """Also for a page of ours only: nobody is to be signed in as somebody else without knowing."""
        self._sessions.require_own_page(request)
        if len(await request.read()) > BODY_BYTES:
            raise Refusal(BODY_TOO_LARGE)
        body = await read_body(request, SignInBody)
        try:
            caller = await self._access.holder(body.token.strip(), request, INVALID_API_TOKEN)
        except Refusal:
            await self._audit.sign_in_failed(request)
            if self._throttle.failed(request.headers.get(CLIENT_FIELD, "")):
                raise Refusal(SIGN_IN_THROTTLED) from None
            raise
        await self._audit.session(request, "login", caller.token)
        value, session = await self._sessions.open(request, caller.token)
        response = answer(self._shown(caller, session))
        set_cookie(response, value, session)
        return response

    async def get(self, request: web.Request) -> web.Response:
        """Who is calling and what they may do, for tokens as well as sessions."""
        caller = await self._access.caller(request)
        return answer(self._shown(caller, caller.session))

    async def delete(self, request: web.Request) -> web.Response:
        """Sign out. A session that has ended already is no error."""
        self._sessions.require_own_page(request)
        ended = await self._sessions.close(request)
        if ended is not None:
            with suppress(StoreDown):
                token = await self._tokens.get(ended.token_id)
                if token is not None:
                    await self._audit.session(request, "logout", token)
        response = answer(None)
        clear_cookies(response)
        return response

    def _shown(self, caller: Caller, session: StoredSession | None) -> dict[str, Any]:
        token = caller.token
        # null: on every gateway of the account; else the gateways it is limited to.
        permissions = {
            account: {name: limits if limits is None else sorted(limits) for name, limits in held.items()}
            for account, held in caller.principal.grants.items()
        }
        ends = None if session is None else rfc3339(self._clock.wall() + self._sessions.left_s(session))
        return {
            "token": {
                "id": token.id,
                "name": token.name,
                "expires_on": rfc3339_or_none(token.expires_on),
                "first": founding(token),
            },
            "account_id": token.account_id,
            "permissions": permissions,
            "session_ends_on": ends,
            "gateway_url": self._gateway_url or None,
        }
