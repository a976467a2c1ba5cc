import pytest

from gateway.store.engine import open_store
from gateway.store.relational import RelationalStore


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/gateway/gateway.db",
        "sqlite:///gateway.db",
        "postgresql://user:pw@db.example:5432/gateway?sslmode=verify-full",
        "postgres://user@/gateway?host=/run/postgresql",
        "postgresql://one.example,two.example/gateway?target_session_attrs=read-write",
    ],
)
def test_known_urls_make_a_store_without_connecting(url):
    assert isinstance(open_store(url), RelationalStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a\0b",
        "gateway.db",
        "mysql://root:hunter2@db/x",
        "hunter2",
    ],
)
def test_other_urls_are_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="store's URL") as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)
