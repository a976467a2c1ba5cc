import socket
from collections.abc import Iterator

import pytest

from gateway.run.layers import ConfigError
from gateway.run.listening import UNSENT_BYTES, Listeners


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    listeners = Listeners()
    yield listeners
    listeners.close()


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def accepts(listener: socket.socket) -> bool:
    with socket.create_connection(listener.getsockname()[:2], timeout=10):
        listener.setblocking(True)
        listener.settimeout(10)
        listener.accept()[0].close()
    return True


def test_bound_sockets_listen_and_say_where(listeners: Listeners) -> None:
    listeners.open(["127.0.0.1:0", "[::1]:0"])
    first, second = listeners.sockets
    assert (first.family, second.family) == (socket.AF_INET, socket.AF_INET6)
    assert not first.get_inheritable()
    assert accepts(first)
    assert accepts(second)
    assert listeners.origin() == f"http://127.0.0.1:{first.getsockname()[1]}"


def test_a_taken_port_is_one_clear_line_and_binds_nothing(listeners: Listeners, taken: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot listen on {taken}: address already in use$"):
        listeners.open(["127.0.0.1:0", taken])
    assert listeners.sockets == []


def test_a_name_that_does_not_resolve_is_one_clear_line(listeners: Listeners) -> None:
    with pytest.raises(ConfigError, match=r"^cannot listen on nowhere\.invalid:1: "):
        listeners.open(["nowhere.invalid:1"])


def test_reopening_keeps_what_is_bound_and_retiring_closes_the_rest(listeners: Listeners) -> None:
    listeners.open(["127.0.0.1:0"])
    (kept,) = listeners.sockets
    listeners.open(["127.0.0.1:0", "[::1]:0"])
    assert kept in listeners.sockets
    assert len(listeners.sockets) == 2
    listeners.retire(["127.0.0.1:0"])
    assert listeners.sockets == [kept]
    assert kept.fileno() > 0


def test_inherited_sockets_replace_the_configured_addresses(taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        listeners = Listeners([inherited])
        listeners.open([taken])
        listeners.retire([])
        assert listeners.sockets == [inherited]
        listeners.close()
        assert inherited.fileno() == -1


def unsent_limit(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)


def test_what_waits_unsent_for_a_client_has_a_limit(listeners: Listeners) -> None:
    """Bound here or inherited; each accepted connection has it from its listener."""
    listeners.open(["127.0.0.1:0", "[::1]:0"])
    assert {unsent_limit(listener) for listener in listeners.sockets} == {UNSENT_BYTES}
    with socket.create_server(("127.0.0.1", 0)) as handed_over, socket.socket(socket.AF_UNIX) as other:
        (first, _) = Listeners([handed_over, other]).sockets
        with socket.create_connection(first.getsockname(), timeout=10):
            accepted, _ = first.accept()
            with accepted:
                assert unsent_limit(accepted) == UNSENT_BYTES
