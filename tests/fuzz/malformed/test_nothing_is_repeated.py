"""What a client presents never comes back: no eight characters of it, in an answer or in a line of the log."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from corpus_requests import ACCOUNT, TOKEN
from fakes.edge import RunningEdge, until
from recorder import Recorder

from gateway.telemetry.logging import Sampled

PIECE = 8
REST = f"/client/v4/accounts/{ACCOUNT.decode()}/ai"
GATEWAY = f"/v1/{ACCOUNT.decode()}/g1"

PRESENTED = {
    "admitted": TOKEN,
    "unknown": "agw_4fJq8ZtR2mXw7KbN9cVh3LsD6pGyT1uE5oQaWiHxBrY0HmC7k",
    "cut short": "agw_4fJq8ZtR2mXw7KbN9c",
    "foreign": "sk-proj-Zx81LmQ2vTn5RbKc93WfYhJd",
    "no token": "correct-horse-battery-staple",
    "long": "Qm7z" * 1500,
    "binary": "\xc3\xa9Vt5kPw2rJx8n",
}
TARGETS = (
    f"{GATEWAY}/openai/x",
    f"{GATEWAY}/nobody/x",
    f"{GATEWAY}/openai/../x",
    f"{GATEWAY}/compat/chat/completions",
    f"{GATEWAY}/compat/nothing",
    f"/v1/{ACCOUNT.decode()}/missing/openai/x",
    f"/v1/{ACCOUNT.decode()}/default/openai/x",
    f"{REST}/v1/chat/completions",
    f"{REST}/v1/messages",
    f"{REST}/run/@cf/x",
    "/client/v4/user/tokens/verify",
    "/dashboard/",
    "/nowhere",
)
SLOTS = ("cf-aig-authorization: Bearer {}", "Authorization: Bearer {}", "Authorization: {}", "x-api-key: {}", "Cookie: t={}")
BROKEN = (
    "GET /nowhere?{} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%zz{} HTTP/1.1\r\nHost: a\r\n\r\n",
    "{} / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / {}\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: {}/\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n{} : b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\x00\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {0}\r\nAuthorization: Bearer {0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: {}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {}\r\n\r\n",
    "{}",
)


class Presented(NamedTuple):
    name: str
    raw: bytes
    secret: str


def _presented() -> Iterator[Presented]:
    for kind, secret in PRESENTED.items():
        for number, slot in enumerate(SLOTS):
            for target in TARGETS:
                lines = f"POST {target} HTTP/1.1\r\nHost: a\r\n{slot.format(secret)}\r\nContent-Length: 2\r\n\r\n{{}}"
                yield Presented(f"{kind}, slot {number}, {target}", lines.encode("latin-1"), secret)
        for number, form in enumerate(BROKEN):
            yield Presented(f"{kind}, broken {number}", form.format(secret).encode("latin-1") + b"\r\n\r\n", secret)


ALL = tuple(_presented())


def pieces(secret: str) -> set[str]:
    return {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}


async def test_no_answer_and_no_line_repeats_what_was_presented(
    edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert edge.edge._server is not None
    edge.edge._server.refusals = Sampled(logging.getLogger("gateway.edge"), per_second=1 << 30)  # every line is looked at
    statuses = set()
    for one in ALL:
        async with edge.client() as wire:
            await wire.send(one.raw)
            answer = await wire.reply("POST")
        statuses.add(answer.status)
        text = repr(answer) + answer.body.decode() + caplog.text
        assert not [piece for piece in pieces(one.secret) if piece in text], one.name
        caplog.clear()
    await edge.quiet()
    await until(lambda: recorder.malformed == [])
    assert statuses >= {200, 400, 401, 404, 417}, "refused in many ways, and once not"


@pytest.mark.parametrize("secret", PRESENTED.values(), ids=PRESENTED)
async def test_nor_does_one_for_the_providers_failure(
    edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    """The provider's own answer passes, but what stands for a broken one is ours."""
    caplog.set_level(logging.DEBUG)
    raw = secret.encode("latin-1")
    request = b"POST %b/openai/x HTTP/1.1\r\nHost: a\r\ncf-aig-authorization: Bearer %b\r\n" % (
        GATEWAY.encode(),
        TOKEN.encode(),
    )
    for broken in (b"HTTP/1.1 200 %b\x00\r\n\r\n" % raw, b"%b\r\n\r\n" % raw, b"HTTP/1.1 200 OK\r\nX %b: a\r\n\r\n" % raw):
        recorder.answer = lambda _, broken=broken: broken
        async with edge.client() as wire:
            await wire.send(request + b"Authorization: Bearer %b\r\n\r\n" % raw)
            answer = await wire.reply("POST")
        assert answer.status in (502, 431, 400)
        text = repr(answer) + answer.body.decode() + caplog.text
        assert not [piece for piece in pieces(secret) if piece in text]
