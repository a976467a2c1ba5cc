"""Which request fields stay here, and which do not."""

import pytest

from gateway.protocol.foreign_fields import stays_here

STAYS = [
    "Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Proxy-Authorization",
    "Host",
    "Content-Length",
    "Expect",
    "Cookie",
    "Max-Forwards",
    "cf-aig-authorization",
    "CF-Connecting-IP",
    "Cf-Access-Jwt-Assertion",
    "Cf-Access-Authenticated-User-Email",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-Oidc-Accesstoken",
    "X-Amzn-Mtls-Clientcert",
    "X-Goog-Iap-Jwt-Assertion",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-Authenticated-User-Id",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Access-Token",
    "X-Forwarded-Preferred-Username",
    "X-Auth-Request-User",
    "X-Auth-Request-Access-Token",
    "Remote-User",
    "Remote-Groups",
    "X-Remote-User",
    "X-Remote-User-Groups",
    "X-WebAuth-User",
    "X-authentik-username",
    "X-Pomerium-Jwt-Assertion",
    "X-Vouch-User",
    "Tailscale-User-Login",
    "Teleport-Jwt-Assertion",
    "OIDC_CLAIM_email",
    "X-Serverless-Authorization",
    "X-Consumer-Username",
    "X-Endpoint-API-UserInfo",
    "X-Userinfo",
    "True-Client-IP",
    "X-Client-IP",
    "X-Real-IP",
    "X-Cluster-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "Client-IP",
    "CloudFront-Viewer-Address",
    "X-Azure-ClientIP",
    "X-ARR-ClientCert",
    "X-AppEngine-User-IP",
    "X-Envoy-External-Address",
    "X-Vercel-Oidc-Token",
    "Client-Cert",
    "X-SSL-Client-Cert",
    "ssl-client-verify",
    "Via",
    "CDN-Loop",
    "Origin",
    "Referer",
    "Forwarded",
    "X-Forwarded-For",
    "X-Original-URL",
    "X-Original-Forwarded-For",
    "X-Rewrite-URL",
    "X-Gateway-Client",
    "X_Forwarded_For",
    "Remote_User",
    "Content_Length",
    "Transfer_Encoding",
    "cf_access_jwt_assertion",
]
CROSSES = [
    "Authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "xi-api-key",
    "X-Goog-User-Project",
    "X-Goog-Api-Client",
    "X-Stainless-Lang",
    "OpenAI-Organization",
    "anthropic-beta",
    "anthropic-version",
    "HTTP-Referer",
    "X-Title",
    "X-Request-Id",
    "traceparent",
    "tracestate",
    "baggage",
    "X-Amzn-Bedrock-Trace",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "User-Agent",
    "Accept",
    "Accept-Encoding",
    "Content-Type",
    "Content-Encoding",
    "Idempotency-Key",
    "If-None-Match",
    "Range",
    "Cartesia-Version",
    "X-Team",
    "X-Access-Token",
    "X-Auth-Token",
    "remote",
    "x-origin",
    "cfx",
]


def spellings(name: str) -> set[bytes]:
    return {name.encode(), name.lower().encode(), name.upper().encode()}


@pytest.mark.parametrize("name", STAYS)
def test_what_stays(name: str) -> None:
    assert all(stays_here(spelt) for spelt in spellings(name))


@pytest.mark.parametrize("name", CROSSES)
def test_what_crosses(name: str) -> None:
    assert not any(stays_here(spelt) for spelt in spellings(name))


def test_what_is_remembered_is_bounded() -> None:
    for number in range(10_000):
        assert stays_here(b"X-Forwarded-%d" % number)
        assert not stays_here(b"X-Other-%d" % number)
