"""A pytest plugin for the process that runs Cloudflare's SDK tests: what became of each, as JSON in the file `SDK_OUTCOMES`.

`passes`; `400 7001 body.cache_ttl` (status, codes and places of the service's refusal); or what the client found wrong with an
answer. Nothing in it knows what is expected.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudflare import APIResponseValidationError, APIStatusError

_outcomes: dict[str, str] = {}


def _told(error: BaseException) -> str:
    if isinstance(error, APIStatusError):
        problems = [(problem.code, ".".join(getattr(problem, "path", None) or ())) for problem in error.errors]
        places = [place for _, place in problems if place]
        return " ".join([str(error.status_code), *sorted({str(code) for code, _ in problems}), *places])
    if isinstance(error, APIResponseValidationError):
        return f"wrong answer: {error.__cause__ or error}"
    return f"{type(error).__name__}: {error}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    if call.excinfo is not None:
        _outcomes[item.nodeid] = _told(call.excinfo.value)
    else:
        _outcomes.setdefault(item.nodeid, "passes")
    return (yield)


def pytest_sessionfinish() -> None:
    Path(os.environ["SDK_OUTCOMES"]).write_text(json.dumps(_outcomes))
