"""Seeded small changes to the corpus: the same number gives the same mutants everywhere."""

import os
import random
from itertools import pairwise

from corpus_requests import VECTORS, sized

MUTANTS = int(os.environ.get("MALFORMED_MUTANTS", "3000"))
SEED = int(os.environ.get("MALFORMED_SEED", "20240607"))

SEEDS = [vector.raw for vector in VECTORS if len(vector.raw) < 4000]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"chunked",
    b"\xff",
    b"\x0b",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"Host: b\r\n",
    b" HTTP/1.1\r\n",
    b"HTTP/1.0",
    b"../",
    b"%2e",
    b"%00",
    b"X: y\r\n",
    sized(),
]


def mutated(chance: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    """One to four small changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        at = chance.randrange(len(data) + 1)
        stop = min(len(data), at + chance.choice((1, 1, 2, 4, 9, 30)))
        match chance.randrange(9):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[stop:]
            case 2:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            case 3:
                data = data[:stop] + data[at:stop] + data[stop:]
            case 4:
                data = data[:at] + chance.choice(PIECES) + data[stop:]
            case 5:
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randrange(len(other) + 1) :]
            case 6:
                lines = data.split(b"\r\n")
                chance.shuffle(lines)
                data = b"\r\n".join(lines) if chance.random() < 0.3 else data + data
            case 7:
                data = data[:at] + data[at:stop].swapcase() + data[stop:]
            case _:
                data += chance.choice(seeds)
    return data[:20_000]


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """In one to four reads; often where the first head ends, as clients send."""
    if chance.random() < 0.4:
        return [data]
    places = {chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 4))}
    if chance.random() < 0.5:
        places.add(data.find(b"\r\n\r\n") + 4)
    at = [0, *sorted(places), len(data)]
    return [data[one:two] for one, two in pairwise(at) if two > one]
