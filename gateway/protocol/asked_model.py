"""The model a native request asks for, where its answer names none: from the path, or from the ends of the body. Pure.

Only for the log: nothing is decided by it. Of a member that is there twice the last counts, as for most parsers.
"""

import re
from typing import Final
from urllib.parse import parse_qs, unquote

import orjson

from gateway.model import bounds
from gateway.protocol.jsonspan import SpanState, StringFinder

_IN_PATH: Final = (
    re.compile(r"(?:^|/)(@(?:cf|hf)/.+)"),  # Workers AI
    # Gemini and Vertex put a method behind the name, Hugging Face and Replicate a path.
    re.compile(r"(?:^|/)(?:models|tunedModels)/([^:]+?)(?::\w+|/(?:predictions|pipeline/.*))?/?$"),
    re.compile(r"(?:^|/)deployments/([^/]+)/"),  # Azure
    re.compile(r"(?:^|/)model/([^/]+)/(?:invoke|converse)"),  # Bedrock
)
_AZURE: Final = re.compile(r"[^/]+/([^/]+)/(?:chat|completions|embeddings|images|audio|responses)(?:/|$)")
"""`azure-openai/{resource}/{deployment}/…`"""
_PART: Final = re.compile(rb'[; ]name="?model"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]{1,1024})\r\n')
"""The field of a multipart/form-data body (RFC 7578), as OpenAI's transcriptions have it."""
_MEMBER: Final = re.compile(rb'(?<!\\)"model"\s*+:\s*+("[^"\\]*+(?:\\.[^"\\]*+)*")', re.DOTALL)
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*"|[\[\]{}]', re.DOTALL)


def model_in_path(provider: str, tail: str) -> str:
    """From what follows the provider in the URL, query included; empty for none."""
    path, _, query = tail.partition("?")
    path = unquote(path)
    if provider == "azure-openai" and (found := _AZURE.match(path)):
        return _named(found[1])
    if provider == "fal":
        return _named(path.partition("/requests/")[0])
    for pattern in _IN_PATH:
        if found := pattern.search(path):
            return _named(found[1])
    if "model=" not in query:
        return ""
    return bounds.text(parse_qs(query).get("model", [""])[0], bounds.NAME)  # Deepgram


def model_in_body(content_type: bytes, head: bytes, tail: bytes = b"") -> str:
    """From a body: all of it in `head`, or its beginning there and its end in `tail`. Empty for none."""
    if content_type.lower().startswith(b"multipart/form-data"):
        found = _PART.search(head) or _PART.search(tail)
        return bounds.text(found[1].decode("utf-8", "replace"), bounds.NAME) if found else ""
    if not head.lstrip().startswith(b"{"):
        return ""
    if not tail:
        return _in_object(head)
    finder = StringFinder("model", len(head))
    name = finder.value if finder.feed(head) is SpanState.FOUND else _in_tail(tail)
    return bounds.text(name, bounds.NAME)


def _named(part: str) -> str:
    return bounds.text(part, bounds.NAME)


def _in_object(body: bytes) -> str:
    try:
        name = orjson.loads(body).get("model")
    except orjson.JSONDecodeError:
        return ""
    return bounds.text(name, bounds.NAME) if isinstance(name, str) else ""


def _in_tail(tail: bytes) -> str:
    """The last member of that name with nothing but the object's own end behind it: what is deeper is another's."""
    for found in reversed(list(_MEMBER.finditer(tail))):
        depth = 0
        for token in _TOKEN.finditer(tail, found.end()):
            depth += (token[0] in (b"{", b"[")) - (token[0] in (b"}", b"]"))
            if depth < -1:
                break
        if depth == -1:
            name = orjson.loads(found[1])
            return name if isinstance(name, str) else ""
    return ""
