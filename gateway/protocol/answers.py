"""What a document of an answer (a whole one, or the data of an event) tells: its model, its counts, an error, the end."""

from collections.abc import Iterable
from typing import Any, Final

from gateway.model.records import Usage
from gateway.protocol.counts import counted, largest
from gateway.protocol.jsonpick import Tree
from gateway.protocol.usage_table import PLACES

MESSAGES: Final = ("message", "message_start", "message_delta")
"""Types of Anthropic's documents, whoever speaks them."""
_LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "message-end", "stream-end"})


def _path(place: str) -> tuple[str, ...]:
    return tuple(place.replace("[]", ".[]").split("."))


_PATHS: Final = tuple(_path(place) for place in PLACES)
_MODELS: Final = tuple(
    _path(place)
    for place in (
        "model", "modelVersion", "response.model", "response.modelVersion", "message.model", "interaction.model",
    )
)  # fmt: skip
_SIGNS: Final = tuple(
    _path(place)
    for place in (
        "type", "event_type", "object", "status", "error", "errors", "success", "finish_reason", "response.error",
        "response.status", "delta.stop_reason", "delta.finish_reason", "delta.error", "choices[].finish_reason",
        "choices[].error", "candidates[].finishReason",
    )
)  # fmt: skip
"""What tells an end or an error."""


def _tree(paths: Iterable[tuple[str, ...]]) -> Tree:
    tree: dict[str, Any] = {}
    for path in paths:
        names = [name for name in path if name != "[]"]
        level = tree
        for name in names[:-1]:
            level = level.setdefault(name, {})
        level[names[-1]] = None
    return tree


WANTED: Final = _tree((*_PATHS, *_MODELS, *_SIGNS))


def _at(document: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = document
    for name in path:
        if name == "[]":
            found = found[0] if isinstance(found, list) and found else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            return None
    return found


def model_of(document: dict[str, Any]) -> str:
    name = document.get("model")
    if type(name) is str and name:
        return name
    for path in _MODELS:
        name = _at(document, path)
        if isinstance(name, str) and name:
            return name
    return ""


def figures_of(document: dict[str, Any], apart: bool) -> Usage | None:
    """The largest of the counts that stand in any place; None when there are none."""
    found: Usage | None = None
    for path in _PATHS:
        usage = _at(document, path)
        if isinstance(usage, dict) and (figures := counted(usage, apart)) is not None:
            found = largest(found, figures)
    return found


def tells_error(document: dict[str, Any]) -> bool:
    """Whether an answer or an event tells of an error, in any dialect."""
    # `document.get`, not a bound `get`: only the former is compiled to a look-up
    if document.get("error") or document.get("object") == "error":
        return True
    if document.get("type") == "error" or document.get("event_type") == "error":
        return True
    response = document.get("response")
    if type(response) is dict and response.get("error"):
        return True
    if _choice_tells_error(document.get("delta")):
        return True
    choices = document.get("choices")
    if type(choices) is list and choices and _choice_tells_error(choices[0]):
        return True
    return _in_error(document.get("finish_reason")) or (document.get("success") is False and bool(document.get("errors")))


def _choice_tells_error(choice: object) -> bool:
    return type(choice) is dict and (bool(choice.get("error")) or _in_error(choice.get("finish_reason")))


def _in_error(end: object) -> bool:
    return type(end) is str and (end == "error" or end.startswith("ERROR"))


def is_final(document: dict[str, Any]) -> bool:
    """Whether no later event of the stream can have other figures."""
    kind = document.get("type") or document.get("event_type")
    if kind == "message_delta":
        delta = document.get("delta")
        return isinstance(delta, dict) and delta.get("stop_reason") is not None
    if isinstance(kind, str) and kind in _LAST_EVENTS:
        return True
    choices = document.get("choices")
    if choices == []:
        return True
    parts = choices or document.get("candidates")
    return isinstance(parts, list) and any(_ended(part) for part in parts)


def _ended(part: object) -> bool:
    return isinstance(part, dict) and bool(part.get("finish_reason") or part.get("finishReason"))
