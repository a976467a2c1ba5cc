"""What a request cost, in US dollars: an estimate from its tokens and public prices (specification section 13).

What is not known stays unknown: no price, no count, no cost. The table `prices.json` is made from the package genai-prices by
.ci/generate_prices.py, and models are found in it as that package finds them. For each of its providers it holds the models in
order, each as [match, [condition, rates], …]:

- match: text whose first character says how to compare with the name in lowercase (`=` all of it, `^` its start, `$` its
  end, `~` any part, `/` regular expression), or ["or" | "and", match, …]. The first model that matches counts.
- condition: null, the first moment as seconds since the epoch, or [from, until] in seconds of the UTC day. The last one
  met counts.
- rates: US dollars per million tokens for input, output, cached read, cache write, reasoning; null where there is no price
  of its own, [base, [tokens, rate], …] where a prompt of more tokens than that costs another rate.
"""

import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from math import isfinite
from typing import Any, Final

import orjson

from gateway.model.records import LogRecord
from gateway.providers.calls import Call, Work, called

_Match = Callable[[str], bool]
_Prices = list[list[Any]]

_MEMO_ENTRIES: Final = 4096
_LONGEST_NAME: Final = 200
_DAY_S: Final = 86_400
_DATE: Final = re.compile(r"(?<!\d)(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
"""`gpt-5.2-20251211` is looked for as `gpt-5.2-2025-12-11` too."""


class PriceTable:
    """Every price known. Finding a model's costs some comparisons the first time, a look into a dict from then on."""

    def __init__(self, table: dict[str, Any]) -> None:
        shelves = {name: _Shelf(provider["models"]) for name, provider in table["providers"].items()}
        self._shelves: dict[str, list[_Shelf]] = {}
        for slug, name in table["slugs"].items():
            also = table["providers"][name].get("fallback", ())
            self._shelves[slug] = [shelves[name], *(shelves[other] for other in also)]
        self._memo: dict[tuple[str, str], _Prices | None] = {}

    @classmethod
    def packaged(cls) -> "PriceTable":
        return cls(orjson.loads(files("gateway.providers").joinpath("prices.json").read_bytes()))

    def cost_of(self, record: LogRecord) -> float | None:
        """US dollars; None where it cannot be known. 0 for an answer from the cache and for a call that made no model work; the
        caller's own price before ours."""
        call = called(record.provider, record.method, record.path)
        if record.cached or call.work is Work.NONE:
            return 0.0
        if record.custom_cost is not None:
            return _custom(record, record.custom_cost, call)
        if record.tokens_in is None or call.work is Work.UNKNOWN:
            return None
        key = (record.provider, record.model or call.model)
        try:
            prices = self._memo[key]
        except KeyError:
            prices = self._remember(key)
        if prices is None:
            return None
        rates = _rates_at(prices, record.created_at)
        return _billed(record, rates, call) if rates else None

    def _remember(self, key: tuple[str, str]) -> _Prices | None:
        if len(self._memo) >= _MEMO_ENTRIES:
            self._memo.clear()
        found = self._memo[key] = self._find(*key)
        return found

    def _find(self, slug: str, model: str) -> _Prices | None:
        shelves = self._shelves.get(slug, [])
        name = model.lower().removeprefix("models/")  # Gemini's names for themselves
        if not name or len(name) > _LONGEST_NAME:
            return None
        for spelt in dict.fromkeys((name, _DATE.sub(r"\1-\2-\3", name))):
            for shelf in shelves:
                if (prices := shelf.find(spelt)) is not None:
                    return prices
        return None


class _Shelf:
    """One provider's models. Names that are told in full are found at once; patterns count if they stand before."""

    def __init__(self, models: Sequence[list[Any]]) -> None:
        self._prices: list[_Prices] = [model[1:] for model in models]
        self._named: dict[str, int] = {}
        self._patterns: list[tuple[int, _Match]] = []
        for at, (match, *_) in enumerate(models):
            alternatives = match[1:] if match[0] == "or" else [match]
            for each in alternatives:
                if isinstance(each, str) and each[0] == "=":
                    self._named.setdefault(each[1:], at)
                else:
                    self._patterns.append((at, _matcher(each)))

    def find(self, name: str) -> _Prices | None:
        named = self._named.get(name, len(self._prices))
        for at, matches in self._patterns:
            if at > named:
                break
            if matches(name):
                return self._prices[at]
        return self._prices[named] if named < len(self._prices) else None


def _matcher(match: str | list[Any]) -> _Match:
    if isinstance(match, list):
        every = all if match[0] == "and" else any
        parts = [_matcher(part) for part in match[1:]]
        return lambda name: every(part(name) for part in parts)
    sign, text = match[0], match[1:]
    if sign == "/":
        pattern = re.compile(text)
        return lambda name: pattern.search(name) is not None
    if sign == "^":
        return lambda name: name.startswith(text)
    if sign == "$":
        return lambda name: name.endswith(text)
    if sign == "~":
        return lambda name: text in name
    return lambda name: name == text


def _rates_at(prices: _Prices, moment_s: float) -> list[Any]:
    if len(prices) == 1:
        return prices[0][1]  # type: ignore[no-any-return]
    for condition, rates in reversed(prices):
        if condition is None:
            return rates  # type: ignore[no-any-return]
        if isinstance(condition, list):
            start, end = condition
            second = moment_s % _DAY_S
            if start <= second < end or (end < start and not end <= second < start):
                return rates  # type: ignore[no-any-return]
        elif moment_s >= condition:
            return rates  # type: ignore[no-any-return]
    return prices[0][1]  # type: ignore[no-any-return]


def _billed(record: LogRecord, rates: list[Any], call: Call) -> float | None:
    """The counts at their rates; a kind of token without a rate of its own is billed as what it is a part of."""
    counts = _counts(record, call)
    if counts is None:
        return None
    fresh, cached, written, answered, reasoned = counts
    prompt = fresh + cached + written
    rate_in = _rate(rates, 0, prompt)
    if rate_in is None:
        return None
    sum_usd = fresh * rate_in
    if cached:
        rate = _rate(rates, 2, prompt)
        sum_usd += cached * (rate_in if rate is None else rate)
    if written:
        rate = _rate(rates, 3, prompt)
        sum_usd += written * (rate_in if rate is None else rate)
    if answered or reasoned:
        rate_out = _rate(rates, 1, prompt)
        if rate_out is None:
            return None
        rate = _rate(rates, 4, prompt) if reasoned else None
        sum_usd += answered * rate_out + reasoned * (rate_out if rate is None else rate)
    return sum_usd / 1e6


def _rate(rates: list[Any], at: int, prompt: int) -> float | None:
    found = rates[at] if at < len(rates) else None
    if type(found) is not list:
        return found
    rate = found[0]
    for start, dearer in found[1:]:
        if prompt > start:
            rate = dearer
    return rate  # type: ignore[no-any-return]


def _counts(record: LogRecord, call: Call) -> tuple[int, int, int, int, int] | None:
    """Tokens that overlap nowhere: fresh input, cached, written to the cache, answer, reasoning. None: not known.

    Reasoning is within the output, and what was cached within the input; but Anthropic's Messages tell it beside (and so does
    whoever tells more of it than of the whole).
    """
    tokens_in, tokens_out = record.tokens_in, record.tokens_out
    if tokens_in is None:
        return None
    if tokens_out is None:
        if record.usage_exactness != "exact":
            return None
        tokens_out = 0  # an embedding has no answer
    cached, written = record.tokens_cached or 0, record.tokens_cache_write or 0
    if not call.cache_apart and cached + written <= tokens_in:
        tokens_in -= cached + written
    reasoned = min(record.tokens_reasoning or 0, tokens_out)
    return tokens_in, cached, written, tokens_out - reasoned, reasoned


def _custom(record: LogRecord, text: str, call: Call) -> float | None:
    """What `cf-aig-custom-cost` makes of it. Rates are per token; without one for the cache, its tokens have no price apart."""
    try:
        given = orjson.loads(text)
        total = given.get("total_cost")
        if total is not None:
            cost = float(total) if 200 <= record.status_code < 400 else None
        else:
            cost = _at_custom_rates(record, given, call)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return cost if cost is not None and isfinite(cost) else None


def _at_custom_rates(record: LogRecord, given: dict[str, float], call: Call) -> float | None:
    counts = _counts(record, call)
    if counts is None:
        return None
    fresh, cached, written, answered, reasoned = counts
    rate_in, rate_out = given["per_token_in"], given["per_token_out"]
    read, write = given.get("per_cache_read_token"), given.get("per_cache_write_token")
    sum_out = (answered + reasoned) * rate_out
    if read is None and write is None:
        return (record.tokens_in or 0) * rate_in + sum_out
    return (
        fresh * rate_in
        + cached * (rate_in if read is None else read)
        + written * (rate_in if write is None else write)
        + sum_out
    )
