import pytest
from pydantic import ValidationError

from gateway.control.api.accounts import AccountBody, shown
from gateway.model.stored import Account


def test_shown() -> None:
    account = shown(Account(id="a", name="A", created_at=0))
    assert (account["id"], account["name"], account["created_on"]) == ("a", "A", "1970-01-01T00:00:00.000Z")


@pytest.mark.parametrize("account_id", ["*", "", "a/b", "a b", "x" * 65])
def test_ids_refused(account_id: str) -> None:
    with pytest.raises(ValidationError):
        AccountBody.model_validate({"name": "n", "id": account_id})
