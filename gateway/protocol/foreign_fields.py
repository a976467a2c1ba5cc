"""Request fields that no provider gets: what concerns this hop (RFC 9110 section 7.6.1), this gateway, or another proxy.

Proxies in front tell whom they have signed in, where the client is and how they were reached: its own organisation's business
and nobody else's. Fields of clients and vendors (`x-stainless-*`, `x-goog-user-project`, `x-amzn-bedrock-*`, `x-request-id`,
`traceparent`) are none of these.
"""

from typing import Final

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)

_OURS: Final = frozenset(
    {
        b"host",
        b"content-length",
        b"expect",
        b"max-forwards",
        b"cookie",
        b"x-gateway-client",
        b"x-gateway-host",
        b"x-auth-email",
        b"x-auth-key",
        b"x-fal-target-url",
    }
)

_OTHER_PROXIES: Final = frozenset(
    {
        # the page and the path that a request came from
        b"origin",
        b"referer",
        b"via",
        b"cdn-loop",
        b"forwarded",
        b"x-original-url",
        b"x-original-uri",
        b"x-original-host",
        b"x-original-method",
        b"x-original-proto",
        b"x-original-forwarded-for",
        b"x-rewrite-url",
        b"x-host",
        # the client's address
        b"client-ip",
        b"true-client-ip",
        b"x-client-ip",
        b"x-real-ip",
        b"x-cluster-client-ip",
        b"x-proxyuser-ip",
        b"x-remote-ip",
        b"x-remote-addr",
        b"x-originating-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"do-connecting-ip",
        b"incap-client-ip",
        b"x-sucuri-clientip",
        # who was signed in
        b"x-serverless-authorization",
        b"x-apigateway-api-userinfo",
        b"x-endpoint-api-userinfo",
        b"x-jwt-assertion",
        b"x-userinfo",
        b"x-id-token",
        b"x-okta-user",
        b"x-consumer-id",
        b"x-consumer-custom-id",
        b"x-consumer-username",
        b"x-consumer-groups",
        b"x-credential-identifier",
        b"x-anonymous-consumer",
        b"teleport-jwt-assertion",
        # with which certificate (RFC 9440)
        b"client-cert",
        b"client-cert-chain",
        b"x-client-cert",
        b"x-client-verify",
        b"ssl-client-cert",
        b"ssl-client-verify",
        b"ssl-client-subject-dn",
        b"ssl-client-issuer-dn",
    }
)
_PREFIXES: Final = (
    b"cf-",
    b"x-forwarded-",
    b"access-control-request-",
    b"x-amzn-oidc-",
    b"x-amzn-mtls-",
    b"x-amzn-tls-",
    b"x-goog-iap-",
    b"x-goog-authenticated-user-",
    b"x-appengine-",
    b"x-ms-client-principal",
    b"x-ms-token-",
    b"x-arr-",
    b"x-azure-",
    b"x-auth-request-",
    b"x-authentik-",
    b"x-pomerium-",
    b"x-vouch-",
    b"x-webauth-",
    b"x-remote-user",
    b"x-envoy-",
    b"x-vercel-",
    b"x-nf-",
    b"x-ssl-",
    b"remote-",
    b"tailscale-",
    b"cloudfront-",
    b"oidc-claim-",
)
_NEVER: Final = HOP_BY_HOP | _OURS | _OTHER_PROXIES
_NAMES_KEPT: Final = 4096
_known: dict[bytes, bool] = {}
"""By name as clients spell it: they repeat from request to request, so each is looked at once. Bounded."""


def stays_here(name: bytes) -> bool:
    """Whether a field of this name, however it is spelt, is none of a provider's business."""
    known = _known.get(name)
    if known is None:
        key = name.lower().replace(b"_", b"-")  # many servers take the two for one
        known = key in _NEVER or key.startswith(_PREFIXES)
        if len(_known) >= _NAMES_KEPT:
            _known.clear()
        _known[name] = known
    return known
