"""What we use of aiohttp without a promise: its private and undocumented parts, by name.

`gateway/edge/downstream.py` replaces the server's request loop and stands on names that a release may change. If this file
fails after an upgrade, read aiohttp's changes before anything else.
"""

import ast
import asyncio
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp.http_parser
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import RawRequestMessage
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from gateway.edge.clients import Clients
from gateway.edge.doors import public_door
from gateway.edge.downstream import Downstream, EdgeServer
from gateway.model.service import EdgeConfig, Limits

ROOT = Path(__file__).resolve().parents[2]
SERVER_SIDE = tuple(f"gateway/edge/{name}.py" for name in ("downstream", "counted", "listener", "request", "body", "repeat"))

HANDLER_SEAMS = {
    "_buffer_paused", "_close", "_current_request", "_drain_waiter", "_force_close", "_handler_waiter", "_keepalive_handle",
    "_keepalive_timeout", "_lingering_time", "_loop", "_messages", "_msg_queue_resume_size", "_next_keepalive_close_time",
    "_parser", "_process_keepalive", "_reading_paused", "_request_count", "_request_handler", "_request_in_progress",
    "_max_msg_queue_size", "_pause_reading_for_buffer", "_read_bufsize", "_resume_reading_if_drained",
    "_task_handler", "_upgraded", "_waiter", "force_close", "transport", "writing_paused",
}  # fmt: skip
SERVER_SEAMS = {"_loop", "_kwargs", "connections", "pre_shutdown", "request_handler", "shutdown", "handler_cancellation"}

START_NAMES = {
    # What aiohttp's own request loop touches: ours stands in its place, so a new name here may be a duty we do not know of.
    "_loop", "_manager", "_keepalive_timeout", "_task_handler", "_force_close", "_messages", "_waiter", "_parser",
    "_buffer_paused", "_msg_queue_resume_size", "_resume_reading_if_drained", "_logging_enabled", "_make_error_handler",
    "_request_handler", "_request_factory", "_handle_request", "_keepalive", "_lingering_time", "_close", "_task",
    "_next_keepalive_close_time", "_keepalive_handle", "_process_keepalive", "_ErrInfo", "_PAYLOAD_ACCESS_ERROR",
}  # fmt: skip


@pytest.fixture
async def handler() -> Any:
    """A request handler as aiohttp makes it, without a connection."""
    server = web.Server(lambda request: None)  # type: ignore[arg-type,return-value]
    return RequestHandler(server, loop=asyncio.get_running_loop())


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def own_names(tree: ast.ClassDef) -> set[str]:
    """What a class defines itself: methods, slots, constants."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__slots__" for target in node.targets
        ):
            names |= set(ast.literal_eval(node.value))
    return names


def class_of(path: str, name: str) -> ast.ClassDef:
    module = ast.parse((ROOT / path).read_text())
    return next(node for node in ast.walk(module) if isinstance(node, ast.ClassDef) and node.name == name)


def inherited_private_names(path: str, name: str) -> set[str]:
    """Private attributes of `self` that a class uses and does not define."""
    tree = class_of(path, name)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    return {attribute for attribute in used - own_names(tree) if attribute.startswith("_")}


# --- the parsers -------------------------------------------------------------------------------------------


def test_the_c_parser_is_there() -> None:
    assert HttpRequestParser is aiohttp.http_parser.HttpRequestParserC
    assert HttpRequestParser.__module__ == "aiohttp._http_parser"


def test_the_parsed_request_has_what_we_read() -> None:
    loop = asyncio.new_event_loop()
    try:
        parser: Any = HttpRequestParser(SimpleNamespace(), loop, 65_536)  # type: ignore[arg-type]
        messages, _, _ = parser.feed_data(b"POST /a%2Fb?c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        message = messages[0][0]
        assert isinstance(message, RawRequestMessage)
        assert (message.method, message.path, message.version) == ("POST", "/a%2Fb?c", (1, 1))
        assert message.raw_headers == ((b"Host", b"a"), (b"Content-Length", b"0"))
        assert message.should_close is False
        assert callable(parser.message_consumed)
    finally:
        loop.close()


# --- the server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(HANDLER_SEAMS))
async def test_the_request_handler_has_the_part(handler: Any, name: str) -> None:
    assert hasattr(handler, name)


def test_the_list_of_parts_is_whole() -> None:
    counted = own_names(class_of("gateway/edge/counted.py", "CountedHandler"))
    assert inherited_private_names("gateway/edge/downstream.py", "Downstream") - counted <= HANDLER_SEAMS
    assert inherited_private_names("gateway/edge/counted.py", "CountedHandler") <= HANDLER_SEAMS
    assert inherited_private_names("gateway/edge/downstream.py", "EdgeServer") <= SERVER_SEAMS


def test_our_loop_replaces_one_we_know() -> None:
    names = {name for name in RequestHandler.start.__code__.co_names if name.startswith("_")}
    assert names <= START_NAMES, "aiohttp's request loop does something new"


def test_methods_we_override_or_call_have_their_signatures() -> None:
    assert parameters(RequestHandler.__init__)[:3] == ["self", "manager", "loop"]
    taken = set(parameters(RequestHandler.__init__))
    assert {"keepalive_timeout", "access_log", "lingering_time", "read_bufsize", "auto_decompress"} <= taken
    assert parameters(RequestHandler.start) == ["self"]
    assert inspect.iscoroutinefunction(RequestHandler.start)
    assert parameters(RequestHandler.data_received) == ["self", "data"]
    assert parameters(RequestHandler.connection_made) == ["self", "transport"]
    assert parameters(RequestHandler.force_close) == ["self"]
    assert parameters(RequestHandler._process_keepalive) == ["self"]
    for ends_the_wait in (BaseProtocol.resume_writing, BaseProtocol.connection_lost):
        assert "_drain_waiter" in ends_the_wait.__code__.co_names


async def test_the_low_level_server_has_the_parts() -> None:
    server = web.Server(lambda request: None, read_bufsize=1)  # type: ignore[arg-type,return-value]
    for name in SERVER_SEAMS:
        assert hasattr(server, name), name
    assert server._kwargs["read_bufsize"] == 1
    assert parameters(web.Server.__init__)[:2] == ["self", "handler"]
    assert "handler_cancellation" in parameters(web.Server.__init__)
    assert parameters(web.Server.shutdown) == ["self", "timeout"]
    assert not inspect.iscoroutinefunction(web.Server.pre_shutdown)


async def test_our_server_makes_our_connections() -> None:
    limits = Limits(header_bytes=1000)
    server = EdgeServer(
        lambda request: None,
        limits=limits,
        clients=Clients(()),
        door=public_door(EdgeConfig()),
        head_s=10.0,
        read_bufsize=65_536,
    )
    made = server()
    assert isinstance(made, Downstream)
    assert isinstance(made, RequestHandler)
    assert made.header_limit_bytes == 1000
    assert server.handler_cancellation is True


async def test_the_body_reader_has_the_parts() -> None:
    for name in ("is_eof", "readany", "read_nowait", "set_exception"):
        assert callable(getattr(StreamReader, name))
        assert callable(getattr(EMPTY_PAYLOAD, name))
    assert "total_bytes" in StreamReader.__slots__
    assert EMPTY_PAYLOAD.is_eof()
    assert issubclass(RequestPayloadError, Exception)


def test_a_parser_error_arrives_as_we_know_it() -> None:
    assert list(_ErrInfo.__annotations__) == ["status", "exc", "message"]


# --- where aiohttp may be used -----------------------------------------------------------------------------------


def test_only_the_rim_of_the_edge_imports_aiohttp() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for package in ("edge", "upstream")
        for path in (ROOT / "gateway" / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aiohttp")
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "aiohttp" for name in node.names))
    }
    assert users <= set(SERVER_SIDE)
