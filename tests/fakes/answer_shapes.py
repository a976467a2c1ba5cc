"""Whether an answer of the management API is what the official SDK takes it for, field by field, as strict clients check."""

import re
from typing import Any, Final

from cloudflare._models import BaseModel, validate_type
from cloudflare.pagination import SyncCursorPaginationAfter, SyncSinglePage, SyncV4PagePaginationArray
from cloudflare.types import ai_gateway as ai
from cloudflare.types.accounts import Account, TokenCreateResponse, TokenDeleteResponse, TokenVerifyResponse
from cloudflare.types.accounts.logs import AuditListResponse
from cloudflare.types.accounts.tokens import PermissionGroupListResponse
from cloudflare.types.shared import ResponseInfo, Token

Pages = SyncV4PagePaginationArray
_ACCOUNT: Final = r"/accounts/[^/]+"
_TOKENS: Final = rf"(?:{_ACCOUNT}|/user)/tokens"
_GATEWAYS: Final = rf"{_ACCOUNT}/ai-gateway/gateways"
_KEYS: Final = rf"{_GATEWAYS}/[^/]+/provider_configs"
_CUSTOM: Final = rf"{_ACCOUNT}/ai-gateway/custom-providers"
_LOGS: Final = rf"{_GATEWAYS}/[^/]+/logs"


class Failed(BaseModel):
    """The envelope of a refusal."""

    result: None
    success: bool
    errors: list[ResponseInfo]
    messages: list[ResponseInfo]


WHOLE: Final[dict[str, Any]] = {
    rf"GET {_ACCOUNT}/logs/audit": SyncCursorPaginationAfter[AuditListResponse],
    rf"GET {_TOKENS}/permission_groups": SyncSinglePage[PermissionGroupListResponse],
    rf"GET {_TOKENS}": Pages[Token],
    r"GET /accounts": Pages[Account],
    rf"GET {_GATEWAYS}": Pages[ai.AIGatewayListResponse],
    rf"GET {_KEYS}": Pages[ai.ProviderConfigListResponse],
    rf"GET {_CUSTOM}": Pages[ai.CustomProviderListResponse],
    rf"GET {_LOGS}": Pages[ai.LogListResponse],
    rf"DELETE {_LOGS}": ai.LogDeleteResponse,
}
"""Method and path → the type of the whole document."""
RESULTS: Final[dict[str, Any]] = {
    rf"GET {_TOKENS}/verify": TokenVerifyResponse,
    rf"POST {_TOKENS}": TokenCreateResponse,
    rf"(GET|PUT) {_TOKENS}/[^/]+": Token,
    rf"PUT {_TOKENS}/[^/]+/value": str,
    rf"DELETE {_TOKENS}/[^/]+": TokenDeleteResponse,
    rf"(POST /accounts|GET {_ACCOUNT})": Account,
    rf"(POST {_GATEWAYS}|(GET|PUT|DELETE) {_GATEWAYS}/[^/]+)": ai.AIGatewayGetResponse,
    rf"GET {_GATEWAYS}/[^/]+/url/[^/]+": str,
    rf"(POST {_KEYS}|(PUT|DELETE) {_KEYS}/[^/]+)": ai.ProviderConfigCreateResponse,
    rf"(POST {_CUSTOM}|(GET|PATCH|DELETE) {_CUSTOM}/[^/]+)": ai.CustomProviderGetResponse,
    rf"GET {_LOGS}/[^/]+": ai.LogGetResponse,
    rf"PATCH {_LOGS}/[^/]+": ai.LogListResponse,
}
"""Method and path → the type of the envelope's `result`; the first that fits."""
OURS: Final = (
    rf"{_LOGS}/[^/]+/(request|response)|{_GATEWAYS}/[^/]+/(analytics|unauthenticated)"
    rf"|{_ACCOUNT}/ai-gateway/analytics|/user/session"
)
"""No SDK knows these, or it takes them as they come."""


def assert_as_the_sdk_has_it(method: str, path: str, status: int, document: Any) -> None:
    """`path` below `/client/v4`. Raises pydantic's error, which names the field."""
    call = f"{method} {path.partition('?')[0]}"
    if status >= 400:
        validate_type(type_=Failed, value=document)
        assert all(isinstance(step, str) for problem in document["errors"] for step in problem.get("path", ()))
    elif (whole := _of(WHOLE, call)) is not None:
        validate_type(type_=whole, value=document)
    elif (result := _of(RESULTS, call)) is not None:
        validate_type(type_=result, value=document["result"])
    else:
        assert re.fullmatch(rf"[A-Z]+ ({OURS})", call), f"{call}: a new answer that no type of the SDK is named for"


def _of(types: dict[str, Any], call: str) -> Any:
    return next((kind for pattern, kind in types.items() if re.fullmatch(pattern, call)), None)
