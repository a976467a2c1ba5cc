"""Promise: five tenants, five accounts, four gateways each, both ways to present a token: each gets in where it may and nowhere
else, and who is denied cannot tell what is there (R-10).
"""

from itertools import product

from fakes.edge import Reply, RunningEdge, account, gateway, key, runner
from fakes.provider import FakeProvider

from gateway.model.tokens import Permission

ACCOUNTS = [digit * 32 for digit in "12345"]
GATEWAYS = ["g1", "g2", "g3", "g4"]
GRANTED = frozenset(GATEWAYS[:3])
NO_ACCOUNT, NO_GATEWAY = "9" * 32, "g9"
IDS = frozenset({"date", "cf-aig-event-id", "cf-aig-request-id", "cf-aig-log-id"})
STYLES = ["gateway tree", "rest"]
BODY = b'{"model":"openai/m","messages":[]}'


async def ask(edge: RunningEdge, style: str, token: str, account_id: str, gateway_id: str) -> Reply:
    if style == "rest":
        headers = {"Authorization": f"Bearer {token}", "cf-aig-gateway-id": gateway_id}
        return await edge.ask("POST", edge.rest("v1/chat/completions", account_id), headers, BODY)
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return await edge.ask("POST", edge.native(gateway_id, "openai/x", account_id), headers, BODY)


def bytes_of(answer: Reply) -> tuple[object, ...]:
    """All that a client sees, of the request's own id the name alone."""
    return answer.status, tuple((name, "" if name in IDS else value) for name, value in answer.headers), answer.body


async def test_two_hundred_of_two_hundred_and_denials_alike(provider: FakeProvider) -> None:
    entries = [
        gateway(name, account_id=account_id, keys=[key("openai", f"sk-{account_id[0]}-{name}")])
        for account_id, name in product(ACCOUNTS, GATEWAYS)
    ]
    accounts = [account(account_id=account_id) for account_id in ACCOUNTS]
    async with RunningEdge(gateways=entries, accounts=accounts, providers={"openai": provider.origin}) as edge:
        tokens = {
            account_id: edge.admit(runner(token_id=account_id[0], grants={account_id: {Permission.RUN: GRANTED}}))
            for account_id in ACCOUNTS
        }
        right, denials = 0, dict[str, set[tuple[object, ...]]]()
        for style, tenant, account_id, name in product(STYLES, ACCOUNTS, ACCOUNTS, GATEWAYS):
            provider.requests.clear()
            answer = await ask(edge, style, tokens[tenant], account_id, name)
            if tenant == account_id and name in GRANTED:
                assert answer.status == 200
                assert provider.only.header("authorization") == f"Bearer sk-{account_id[0]}-{name}"
            else:
                assert answer.status == 401
                assert provider.requests == []
                denials.setdefault(style, set()).add(bytes_of(answer))
            right += 1
        assert right == 200
        for tenant in ACCOUNTS:
            answer = await ask(edge, "rest", tokens[tenant], NO_ACCOUNT, NO_GATEWAY)
            denials["rest"].add(bytes_of(answer))
        assert {style: len(seen) for style, seen in denials.items()} == {"gateway tree": 1, "rest": 1}
