"""What somebody who looks at an installation finds: how it is, in words."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    GOOD = "ok  "
    DOUBTFUL = "look"
    BAD = "BAD "


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    text: str


def good(text: str) -> Finding:
    return Finding(Verdict.GOOD, text)


def doubtful(text: str) -> Finding:
    return Finding(Verdict.DOUBTFUL, text)


def bad(text: str) -> Finding:
    return Finding(Verdict.BAD, text)
