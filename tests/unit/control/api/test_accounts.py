import pytest
from pydantic import ValidationError

from gateway.control.api.accounts import AccountBody


@pytest.mark.parametrize("account_id", ["*", "", "a/b", "a b", "x" * 65])
def test_ids_refused(account_id: str) -> None:
    with pytest.raises(ValidationError):
        AccountBody.model_validate({"name": "n", "id": account_id})
