"""Authenticated Gateway: a self-hosted LLM edge proxy, wire-compatible with Cloudflare AI Gateway.

Read `gateway/README.md` for the map and `gateway/edge/lifecycle.py` for the way of a request.
"""

__version__ = "0.1.0"
