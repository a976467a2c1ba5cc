"""Promise: a flood of false tokens takes little memory, reads nothing for the misshapen, and disturbs no valid client
(20, R-07, R-08).

AIG_LONG=1 sends more.
"""

import http.client
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

import pytest
from fakes.exposition import scrape, total
from fakes.load import Load
from fakes.processes import control, memory_kb, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service

from gateway.model.tokens import mint_token

TOKENS = 100_000 if os.environ.get("AIG_LONG") else 3_000
WARM_UP = 300
SENDERS = 2
GROWTH_LIMIT_KB = 20 * 1024


@pytest.fixture
def service(start_service: Callable[..., Service], upstream: FakeProvider) -> Service:
    return start_service(workers=1, providers={"openai": upstream.origin + "/v1"})


def misshapen(count: int) -> Iterator[str]:
    """Each lacks something of a token: the checksum, a character, the alphabet, the prefix."""
    for number in range(count):
        token = mint_token()
        checksum = token[:-1] + ("a" if token[-1] != "a" else "b")
        yield (checksum, token[:-1], token[:-1] + "'", "sk-" + token, f"' OR 1=1 --{number}")[number % 5]


def send(service: Service, tokens: Iterable[str], statuses: Counter[int]) -> None:
    at = urlsplit(service.origin)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
    path = f"/v1/{service.account}/default/openai/chat/completions"
    for token in tokens:
        connection.request("POST", path, b"{}", {"cf-aig-authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    connection.close()


def flood(service: Service, make: Callable[[int], Iterable[str]], count: int) -> Counter[int]:
    counts = [Counter[int]() for _ in range(SENDERS)]
    senders = [threading.Thread(target=send, args=(service, make(count // SENDERS), one)) for one in counts]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(600)
    return sum(counts, Counter())


def memory(service: Service) -> int:
    return sum(memory_kb(pid) for pid in (*workers(service), *control(service)))


def asked(service: Service) -> float:
    return total(scrape(service), "aig_auth_cache_total", state="miss")


def false_tokens(count: int) -> Iterator[str]:
    return (mint_token() for _ in range(count))


@pytest.mark.timeout(900)
def test_false_tokens_beside_valid_clients(service: Service, upstream: FakeProvider) -> None:
    with Load(service, service.management.create_token().value, clients=3) as load:
        flood(service, false_tokens, WARM_UP)
        load.more(100)
        before = memory(service)
        statuses = flood(service, false_tokens, TOKENS)
        load.more(20)
        grown = memory(service) - before
        upstream.requests.clear()
    print(f"{TOKENS} false tokens: {grown} KB more, {load.outcomes['ok']} others served")
    assert statuses == {401: TOKENS // SENDERS * SENDERS}
    assert load.failed == 0, load.outcomes
    assert grown <= GROWTH_LIMIT_KB


def test_misshapen_tokens_ask_nobody(service: Service) -> None:
    statuses = flood(service, misshapen, TOKENS)
    assert statuses == {401: TOKENS // SENDERS * SENDERS}
    until(lambda: total(scrape(service), "aig_auth_cache_total", state="malformed") == statuses[401], "all are counted")
    assert asked(service) == 0
