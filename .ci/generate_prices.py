"""Makes gateway/providers/prices.json from the `genai-prices` package (MIT, Pydantic Services Inc.), which is no dependency.

    uv run --with genai-prices .ci/generate_prices.py           write the table
    uv run --with genai-prices .ci/generate_prices.py --check   compare our reading of it with theirs, for every model

What it holds is told in gateway/providers/pricing.py, its only reader.
"""

import argparse
import json
import sys
from datetime import UTC, datetime, time
from importlib.metadata import version
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from genai_prices import Usage, types
from genai_prices.data import providers

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "gateway" / "providers" / "prices.json"
SLUGS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google-ai-studio": "google",
    "google-vertex-ai": "google",
    "azure-openai": "azure",
    "aws-bedrock": "aws",
    "groq": "groq",
    "grok": "x-ai",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "perplexity-ai": "perplexity",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "openrouter": "openrouter",
    "fireworks": "fireworks",
    "workers-ai": "cloudflare",
    "elevenlabs": "elevenlabs",
    "baseten": "baseten",
    "minimax": "minimax",
}
"""Our provider → theirs."""
RATES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
CLAUSES = {
    types.ClauseEquals: ("=", "equals"),
    types.ClauseStartsWith: ("^", "starts_with"),
    types.ClauseEndsWith: ("$", "ends_with"),
    types.ClauseContains: ("~", "contains"),
}


def clause(found: Any) -> Any:
    """A string whose first character says how to compare, or a list that begins with `or` or `and`."""
    if isinstance(found, types.ClauseOr):
        return ["or", *map(clause, found.or_)]
    if isinstance(found, types.ClauseAnd):
        return ["and", *map(clause, found.and_)]
    if isinstance(found, types.ClauseRegex):
        return "/" + found.regex
    sign, name = CLAUSES[type(found)]
    return sign + getattr(found, name).lower()


def rate(found: Any) -> Any:
    """US dollars per million tokens, or [base, [input tokens, rate], …] where long prompts cost more."""
    if found is None:
        return None
    if isinstance(found, types.TieredPrices):
        return [float(found.base), *([tier.start, float(tier.price)] for tier in found.tiers)]
    return float(found)


def rates(found: Any) -> list[Any]:
    row = [rate(getattr(found, name)) for name in RATES]
    while row and row[-1] is None:
        row.pop()
    return row


def seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def condition(found: Any) -> Any:
    """None, the first day as seconds since the epoch, or [from, until] in seconds of the UTC day."""
    if found is None:
        return None
    if isinstance(found, types.StartDateConstraint):
        return int(datetime.combine(found.start_date, time(), UTC).timestamp())
    offsets = {moment.utcoffset() for moment in (found.start_time, found.end_time) if moment.tzinfo}
    if any(offset for offset in offsets if offset):
        raise ValueError("a time of day that is not UTC")
    return [seconds(found.start_time), seconds(found.end_time)]


def model(found: Any) -> list[Any]:
    """[match, [condition, rates], …]; no rates for what is not billed by tokens."""
    if not isinstance(found.prices, list):
        prices = [[None, rates(found.prices)]]
    else:
        prices = [[condition(each.constraint), rates(each.prices)] for each in found.prices]
    return [clause(found.match), *([when, row if row and row[0] is not None else []] for when, row in prices)]


def provider(found: Any) -> dict[str, Any]:
    table: dict[str, Any] = {"models": [model(each) for each in found.models]}
    if found.fallback_model_providers:
        table["fallback"] = found.fallback_model_providers
    return table


def generate() -> str:
    by_id = {each.id: each for each in providers}
    wanted = {*SLUGS.values()}
    wanted |= {name for each in wanted for name in by_id[each].fallback_model_providers or ()}
    source = f"genai-prices {version('genai-prices')}, MIT License, Copyright Pydantic Services Inc."
    table = {
        "about": f"{source}; made by .ci/generate_prices.py; license in prices.json.license",
        "slugs": SLUGS,
        "providers": {name: provider(by_id[name]) for name in sorted(wanted)},
    }
    lines = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    return lines.replace("],[[", "],\n[[").replace('],["', '],\n["') + "\n"


def names(found: Any) -> list[str]:
    """Names a clause is sure to match, made of it."""
    if isinstance(found, types.ClauseOr):
        return [name for each in found.or_ for name in names(each)]
    if type(found) not in CLAUSES:
        return []
    text = getattr(found, CLAUSES[type(found)][1])
    return [text, text + "-latest", text + "-20260101"]


def check() -> int:
    """How many of all names, moments and usages cost something else here than there."""
    sys.path.insert(0, str(ROOT))
    from gateway.providers.pricing import PriceTable

    table, compared, wrong = PriceTable.packaged(), 0, 0
    by_id = {each.id: each for each in providers}
    usages = [(1000, 500, None, None), (300_000, 10, 1000, 50), (10, None, None, None)]
    moments = [datetime(2024, 6, 1, 3, tzinfo=UTC), datetime(2026, 11, 1, 17, 30, tzinfo=UTC)]
    for slug, theirs in SLUGS.items():
        for each in by_id[theirs].models:
            for name, moment, counts in product(names(each.match), moments, usages):
                found = by_id[theirs].find_model(name, all_providers=providers)
                if found is None:
                    continue
                tokens_in, tokens_out, cached, written = counts
                usage = Usage(
                    input_tokens=tokens_in, output_tokens=tokens_out or 0,
                    cache_read_tokens=cached or 0, cache_write_tokens=written or 0,
                )  # fmt: skip
                prices = found.get_prices(moment)
                wanted = None
                if prices.input_mtok is not None:
                    bare = types.ModelPrice(**{key: getattr(prices, key) for key in RATES if getattr(prices, key) is not None})
                    wanted = float(bare.calc_price(usage)["total_price"])
                if wanted is not None and tokens_out and prices.output_mtok is None:
                    continue  # tokens come out of it for which no price is known: theirs are free, ours unknown
                record = SimpleNamespace(
                    provider=slug, model=name, path="", created_at=moment.timestamp(), cached=False, custom_cost=None,
                    status_code=200, tokens_in=tokens_in, tokens_out=tokens_out, tokens_cached=cached,
                    tokens_cache_write=written, tokens_reasoning=None, usage_exactness="exact",
                )  # fmt: skip
                got = table.cost_of(record)
                compared += 1
                if (got is None) != (wanted is None) or (got is not None and abs(got - wanted) > 1e-9):
                    wrong += 1
                    print(f"{slug} {name} {moment} {counts}: {got} here, {wanted} there")
    print(f"{compared} compared, {wrong} differ")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        sys.exit(1 if check() else 0)
    TABLE.write_text(generate())


if __name__ == "__main__":
    main()
