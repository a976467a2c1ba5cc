"""What token requests carry, and how a token is shown (specification section 5.2)."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from gateway.control.answers import invalid
from gateway.control.api.moments import FirstMoment, LastMoment
from gateway.control.api.parsing import Body, Name
from gateway.control.grants import ACCOUNT_RESOURCE, GATEWAY_RESOURCE
from gateway.control.permissions import find_group
from gateway.kit.addresses import parse_network
from gateway.kit.ids import hex32
from gateway.model.tokens import Principal, Token
from gateway.protocol.envelope import rfc3339, rfc3339_or_none

_ACCOUNT_NAME: Final = re.compile(re.escape(ACCOUNT_RESOURCE) + r"(\*|[A-Za-z0-9_-]{1,64})")
_GATEWAY_NAME: Final = re.compile(re.escape(GATEWAY_RESOURCE) + r"[A-Za-z0-9_-]{1,64}")
_POLICY_ID: Final = re.compile(r"[0-9a-f]{32}")
_MOST: Final = 100
"""Policies of a token, groups or resources of a policy, networks of a condition."""


def _network(text: str) -> str:
    try:
        return str(parse_network(text))
    except ValueError:
        raise ValueError("Expected an address or a network in CIDR notation") from None


Network = Annotated[str, Field(max_length=64), AfterValidator(_network)]


class GroupBody(Body):
    read_only = frozenset({"meta", "scopes", "category", "is_selectable"})
    id: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        self.stored()
        return self

    def stored(self) -> dict[str, str]:
        group = find_group(self.id, self.name)
        if group is None:
            raise ValueError("Unknown permission group")
        return {"id": group.id, "name": group.name}


def _resources(value: dict[str, str | dict[str, str]]) -> dict[str, str | dict[str, str]]:
    """`com.cloudflare.api.account.{A}` or `.*`; our extension limits an account to some of its gateways."""
    if not 1 <= len(value) <= _MOST:
        raise ValueError(f"Expected 1 to {_MOST} resources")
    for resource, scope in value.items():
        if not _ACCOUNT_NAME.fullmatch(resource):
            raise ValueError("Expected resources of the form com.cloudflare.api.account.{id}")
        if scope == "*":
            continue
        if isinstance(scope, str) or resource == ACCOUNT_RESOURCE + "*" or not _are_gateways(scope):
            raise ValueError('Expected "*", or gateways of one account as {"com.cloudflare.api.ai-gateway.{id}": "*"}')
    return value


def _are_gateways(scope: dict[str, str]) -> bool:
    return 1 <= len(scope) <= _MOST and all(_GATEWAY_NAME.fullmatch(name) and value == "*" for name, value in scope.items())


class PolicyBody(Body):
    id: str | None = None
    effect: Literal["allow", "deny"]
    permission_groups: Annotated[list[GroupBody], Field(min_length=1, max_length=_MOST)]
    resources: Annotated[dict[str, str | dict[str, str]], AfterValidator(_resources)]

    def stored(self) -> dict[str, Any]:
        return {
            "id": self.id if self.id and _POLICY_ID.fullmatch(self.id) else hex32(),
            "effect": self.effect,
            "permission_groups": [group.stored() for group in self.permission_groups],
            "resources": self.resources,
        }


class AddressesBody(Body):
    in_: Annotated[list[Network], Field(max_length=_MOST)] | None = Field(default=None, alias="in")
    not_in: Annotated[list[Network], Field(max_length=_MOST)] | None = None


class ConditionBody(Body):
    request_ip: Annotated[AddressesBody | None, Field(validation_alias=AliasChoices("request_ip", "request.ip"))] = None
    """The second is Cloudflare's older spelling; both at once are one too many."""


class TokenBody(Body):
    """Create and update; `expired` is what an expired token shows, so it may come back and changes nothing."""

    read_only = frozenset({
        "id", "issued_on", "modified_on", "last_used_on", "creator_email_at_creation", "provisioner_id", "provisioner_type",
        "maker_id",
    })  # fmt: skip
    name: Name
    policies: Annotated[list[PolicyBody], Field(min_length=1, max_length=_MOST)]
    status: Literal["active", "disabled", "expired"] | None = None
    condition: ConditionBody | None = None
    not_before: FirstMoment | None = None
    expires_on: LastMoment | None = None
    outlives_maker: bool | None = None
    """Ours (decision 0022)."""

    def stored_policies(self) -> list[dict[str, Any]]:
        return [policy.stored() for policy in self.policies]

    def stored_condition(self) -> dict[str, Any] | None:
        addresses = self.condition.request_ip if self.condition else None
        if addresses is None:
            return None
        named = {"in": addresses.in_, "not_in": addresses.not_in}
        given = {name: networks for name, networks in named.items() if networks}
        return {"request_ip": given} if given else None

    def changes(self) -> dict[str, Any]:
        """The token's fields that this update sets."""
        changed: dict[str, Any] = {"name": self.name, "policies": self.stored_policies()}
        if self.status in ("active", "disabled"):
            changed["status"] = self.status
        if self.outlives_maker is not None:
            changed["outlives_maker"] = self.outlives_maker
        if "condition" in self.model_fields_set:
            changed["condition"] = self.stored_condition()
        for name in ("not_before", "expires_on"):
            if name in self.model_fields_set:
                changed[name] = getattr(self, name)
        return changed


def refuse_dead(not_before: float | None, expires_on: float | None, wall_s: float) -> None:
    """Raises Invalid where these dates would make a token that never works: nobody asks for one on purpose."""
    if expires_on is not None and expires_on <= wall_s:
        raise invalid("Expected a moment in the future; to end a token, delete or disable it", "body", "expires_on")
    if expires_on is not None and not_before is not None and not_before >= expires_on:
        raise invalid("Expected a moment before expires_on", "body", "not_before")


class RollBody(Body):
    """Empty: a roll takes no settings."""


def status_of(token: Token, principal: Principal | None, wall_s: float) -> str:
    """`principal`: what is in effect of it. A token shows as its makers let it be."""
    if principal is None:
        return "disabled"
    return "expired" if principal.expires_on is not None and wall_s >= principal.expires_on else token.status


def shown(token: Token, principal: Principal | None, wall_s: float) -> dict[str, Any]:
    """The token object without its value."""
    result = {
        "id": token.id,
        "name": token.name,
        "status": status_of(token, principal, wall_s),
        "issued_on": rfc3339(token.issued_on),
        "modified_on": rfc3339(token.modified_on),
        "last_used_on": rfc3339_or_none(token.last_used_on),
        "policies": token.policies,
        "maker_id": token.maker_id or None,
        "outlives_maker": token.outlives_maker,
    }
    optional = {
        "not_before": rfc3339_or_none(token.not_before),
        "expires_on": rfc3339_or_none(token.expires_on),
        "condition": token.condition,
    }
    return result | {name: value for name, value in optional.items() if value is not None}
