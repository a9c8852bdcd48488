"""Who a session's user is: what the client says, under the token that let it in."""

import hashlib
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from websockets.http11 import Request

from idol_runtime.conversation.items import NOBODY_KNOWN, Speaker
from idol_runtime.server.access import is_host_token, is_token
from idol_runtime.server.config import ServerConfig

USER_HEADER: Final = "OpenAI-Safety-Identifier"
"""As OpenAI's API has it: a stable id of the end user, chosen by the client."""
MAX_USER_CHARS: Final = 128
OPEN_TENANT: Final = "open"
"""Of sessions that no token let in."""


def user_of(request: Request) -> str:
    """The user that a request names, by `user` in its query or by its header; empty for nobody."""
    named = parse_qs(urlsplit(request.path).query).get("user", [])
    return (named or request.headers.get_all(USER_HEADER) or [""])[0].strip()


def refuse_user(request: Request) -> str | None:
    """A sentence about a user's id that cannot be one; None if all is well."""
    if len(user_of(request)) > MAX_USER_CHARS:
        return f"Expected a user's id of at most {MAX_USER_CHARS} characters, found a longer one."
    return None


def tenant_of(tokens: Iterable[str], config: ServerConfig) -> str:
    """Which of the server's tokens let a session in, as a hash: users of one are nobody to
    another.
    """
    if config.token is None and config.host_token is None:
        return OPEN_TENANT
    for token in tokens:
        lets_in = config.token is not None and is_token(token, config)
        if lets_in or is_host_token(token, config):
            return hashlib.sha256(f"idol tenant {token}".encode(errors="replace")).hexdigest()[:16]
    return OPEN_TENANT


def speaker_of(tenant: str, user: str) -> Speaker:
    """Who speaks: the tenant has no slash, so that two of them never make the same id."""
    return Speaker(f"{tenant}/{user}") if user else NOBODY_KNOWN
