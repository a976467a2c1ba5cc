"""What one document tells, wherever it stands in it; test_usage.py reads whole answers."""

from typing import Any

import pytest

from gateway.model.records import Usage
from gateway.protocol.answers import WANTED, figures_of, is_final, model_of, tells_error
from gateway.protocol.jsonpick import Picker
from gateway.protocol.usage_table import PLACES


def placed(place: str, value: Any) -> dict[str, Any]:
    for name in reversed(place.split(".")):
        value = {name.removesuffix("[]"): [value] if name.endswith("[]") else value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("place", PLACES)
def test_counts_are_found_in_every_place(place: str) -> None:
    assert figures_of(placed(place, {"input_tokens": 5, "output_tokens": 6}), False) == Usage(5, 6)


def test_the_largest_of_all_places_counts() -> None:
    document = {**placed("usage", {"prompt_tokens": 0, "completion_tokens": 9}), **placed("x_groq.usage", {"prompt_tokens": 5})}
    assert figures_of(document, False) == Usage(5, 9)


@pytest.mark.parametrize(
    "place", ["model", "modelVersion", "response.model", "response.modelVersion", "message.model", "interaction.model"]
)
def test_models_are_found(place: str) -> None:
    assert model_of(placed(place, "m")) == "m"
    assert model_of(placed(place, 5)) == model_of(placed(place, "")) == ""


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"type": "error"}, True),
        ({"event_type": "error"}, True),
        ({"object": "error"}, True),
        ({"error": {"message": "x"}}, True),
        ({"error": "x"}, True),
        ({"response": {"error": {"code": "x"}}}, True),
        ({"delta": {"finish_reason": "ERROR"}}, True),
        ({"delta": {"error": "x"}}, True),
        ({"choices": [{"finish_reason": "error"}]}, True),
        ({"choices": [{"error": {"code": 502}}]}, True),
        ({"finish_reason": "ERROR_LIMIT"}, True),
        ({"success": False, "errors": [{"code": 1}]}, True),
        ({"success": True, "errors": []}, False),
        ({"error": None, "response": {"error": None}, "delta": {}, "choices": []}, False),
        ({"error": {}, "choices": [None], "delta": "error", "response": "error"}, False),
        ({"type": "response.incomplete", "finish_reason": "length"}, False),
        (
            {"type": "content_block_start", "content_block": {"type": "web_search_tool_result", "content": {"type": "error"}}},
            False,
        ),
    ],
)
def test_errors_are_noticed(document: dict[str, Any], told: bool) -> None:
    assert tells_error(document) is told
    assert is_final(document) in (True, False)


def test_a_picker_takes_all_that_is_asked_for() -> None:
    import orjson

    for document in ({"type": "error"}, {"choices": [{"error": {"code": 502}}]}, placed("response.error", {"code": 1})):
        assert tells_error(Picker(WANTED).feed(orjson.dumps(document))[0])
    for place in PLACES:
        picked = Picker(WANTED).feed(orjson.dumps(placed(place, {"input_tokens": 5})))[0]
        assert figures_of(picked, False) == Usage(5)
