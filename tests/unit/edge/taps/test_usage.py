"""The usage tap: reads what the protocol's reader reads, and never lets its trouble out."""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable

import brotli
import pytest

from gateway.edge.taps.usage import UsageTap
from gateway.model.records import UNKNOWN_USAGE
from gateway.model.targets import Dialect
from gateway.protocol.inflate import zstd

WHOLE = {
    Dialect.OPENAI: b'{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":5}}',
    Dialect.ANTHROPIC: b'{"model":"m","usage":{"input_tokens":3,"output_tokens":5}}',
    Dialect.GEMINI: b'{"modelVersion":"m","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":5}}',
}
STREAMED = {
    Dialect.OPENAI: [
        b'data: {"model":"m","choices":[{"delta":{"content":"hi"}}]}\n\n',
        b'data: {"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n',
        b"data: [DONE]\n\n",
    ],
    Dialect.ANTHROPIC: [
        (
            b"event: message_start\n"
            b'data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
        ),
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":5}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    Dialect.GEMINI: [
        b'data: {"modelVersion":"m","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}\r\n\r\n',
        b'data: {"modelVersion":"m","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":5}}\r\n\r\n',
    ],
}


def tap(dialect: Dialect, counted: Counter[str], *, streamed: bool) -> UsageTap:
    return UsageTap(dialect, streamed=streamed, count=lambda name: counted.update([name]))


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", WHOLE)
def test_counts_however_the_body_is_cut(dialect: Dialect, streamed: bool, piece: int) -> None:
    counted: Counter[str] = Counter()
    looking = tap(dialect, counted, streamed=streamed)
    body = b"".join(STREAMED[dialect]) if streamed else WHOLE[dialect]
    for at in range(0, len(body), piece):
        looking.feed(body[at : at + piece])
    usage = looking.close(True)
    assert (usage.tokens_in, usage.tokens_out, usage.model, usage.exactness) == (3, 5, "m", "exact")
    assert counted == {}


@pytest.mark.parametrize("body", [b"", b"not json", b'{"usage":null}', b'{"usage":{"prompt_tokens":"many"}}', b"\xff" * 100])
def test_what_cannot_be_read_is_unknown(body: bytes) -> None:
    looking = tap(Dialect.OPENAI, Counter(), streamed=False)
    looking.feed(body)
    assert looking.close(True)[:2] == (None, None)


class Broken:
    def feed(self, chunk: bytes) -> None:
        raise RuntimeError("secret text")

    def finish(self, whole: bool) -> None:
        raise RuntimeError("secret text")


@pytest.mark.parametrize("when", ["feed", "close"])
def test_an_error_in_the_reader_is_counted_and_stays_inside(when: str, caplog: pytest.LogCaptureFixture) -> None:
    counted: Counter[str] = Counter()
    looking = tap(Dialect.OPENAI, counted, streamed=False)
    looking._reader = Broken()  # type: ignore[assignment]
    if when == "feed":
        looking.feed(b"x")
        looking.feed(b"y")
    assert looking.close(True) == UNKNOWN_USAGE
    assert counted == {"tap_failed": 1}
    assert "secret text" not in caplog.text


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        (b"", bytes),
        (b"identity", bytes),
        (b"Identity", bytes),
        (b"gzip", gzip.compress),
        (b"GZip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"br", brotli.compress),
        (b"zstd", zstd.compress),
        (b"gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    ],
)
def test_compressed_answers_are_read_along(encoding: bytes, compress: Callable[[bytes], bytes]) -> None:
    looking = UsageTap(Dialect.OPENAI, streamed=False, count=print, encoding=encoding)
    looking.feed(compress(WHOLE[Dialect.OPENAI]))
    assert looking.close(True)[:2] == (3, 5)


@pytest.mark.parametrize("encoding", [b"gzip, x", b"br", b"zstd", b"x"])
def test_other_encodings_are_not_read(encoding: bytes) -> None:
    looking = UsageTap(Dialect.OPENAI, streamed=False, count=print, encoding=encoding)
    looking.feed(WHOLE[Dialect.OPENAI])
    assert looking.close(True) == UNKNOWN_USAGE
