"""Who may connect: the Host and Origin of a request, and its token."""

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from websockets.datastructures import Headers

from idol_runtime.server.config import ServerConfig, is_loopback

TOKEN_SUBPROTOCOL = "openai-insecure-api-key."
_READ = frozenset(
    {"host", "origin", "authorization", "connection", "upgrade", "openai-safety-identifier"}
)


def refuse_headers(headers: Headers) -> str | None:
    """A sentence about a header that is read and holds what none may hold; None if all are well."""
    for name, value in headers.raw_items():
        if (name.lower() in _READ or name.lower().startswith("sec-")) and not value.isascii():
            return f"Expected ASCII in the header {name}, found other bytes."
    return None


def refuse_origin(headers: Headers, config: ServerConfig) -> str | None:
    """A sentence that says why this page may not connect, or None if it may.

    Engines and other native clients send no Origin. A server on loopback also checks Host: a
    page whose name was made to resolve to 127.0.0.1 has an Origin that matches it.
    """
    hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
    if len(hosts) > 1 or len(origins) > 1:
        return "Expected one Host and at most one Origin header, found several."
    host = _hostname(f"//{hosts[0]}") if hosts else ""
    if config.is_local and hosts and not is_loopback(host):
        return (
            "This server listens on this machine only; expected a Host of localhost or "
            "127.0.0.1. To serve other names, listen on another address with a token."
        )
    if not origins or origins[0] in config.allowed_origins:
        return None
    origin = _hostname(origins[0])
    if is_loopback(origin):
        return None
    if not config.is_local and origin and [urlsplit(origins[0]).netloc] == hosts:
        return None
    return "Pages of this origin may not connect; add it to the allowed origins of the server."


def tokens_of(headers: Headers, offered: list[str]) -> list[str]:
    """Every token a request carries: its Authorization header and its subprotocols."""
    bearer = [
        value.split(None, 1)[1].strip()
        for value in headers.get_all("Authorization")
        if value.lower().startswith("bearer ") and len(value.split(None, 1)) == 2
    ]
    return bearer + [
        each.removeprefix(TOKEN_SUBPROTOCOL)
        for each in offered
        if each.startswith(TOKEN_SUBPROTOCOL)
    ]


def subprotocols_of(headers: Headers) -> list[str]:
    """What a client offers; some engines leave out the space after the comma."""
    listed = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
    return [each.strip() for each in listed.split(",") if each.strip()]


def is_token(given: str, config: ServerConfig) -> bool:
    """Whether `given` opens the server; takes the same time however much of it is right."""
    opens = config.token is None or hmac.compare_digest(_bytes(given), config.token.encode())
    return opens | is_host_token(given, config)


def is_host_token(given: str, config: ServerConfig) -> bool:
    """Whether `given` makes a session the host's; never without a host token in the config."""
    if config.host_token is None:
        return False
    return hmac.compare_digest(_bytes(given), config.host_token.encode())


def is_host(given: Iterable[str], config: ServerConfig) -> bool:
    """Whether who gave these tokens is the host; without a host token, all on this machine are."""
    if config.host_token is None:
        return config.is_local
    return any(is_host_token(each, config) for each in given)


def _bytes(given: str) -> bytes:
    return given.encode(errors="surrogatepass")  # a token in JSON may hold half a character


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
