"""Where another server's model gives a character its words."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from idol_runtime.errors import ConfigError


class HttpMind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server that speaks OpenAI's chat completions, such as llama.cpp's, Ollama or vLLM. Its
    model gives the character its words, in place of `dialogue`.
    """

    url: str = ""
    """Its address, such as `http://localhost:8080/v1`; empty for none."""
    model: str = ""
    """As the server calls it; the first one that it lists where left out."""
    key_variable: str = ""
    """The environment variable that holds its key. The key itself belongs into no file."""
    context_tokens: Annotated[int, Meta(ge=256)] = 4096
    """What a prompt and its reply may take together."""
    silence_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """A server that says nothing for so long is given up."""


def is_address(name: str) -> bool:
    """Whether `models.dialogue` names a server."""
    return name.startswith(("http://", "https://"))


def http_mind(path: Path, dialogue: str, http: HttpMind) -> HttpMind:
    """What `models` of the file `path` says of a server: an address may be `dialogue`, too.

    Raises:
        ConfigError: the address is none.
    """
    if not http.url:
        http = replace(http, url=dialogue if is_address(dialogue) else "")
    if http.url and not _has_host(http.url):
        raise ConfigError(
            f"{path}: expected the address of a server as models.http.url, such as "
            f"http://localhost:8080/v1, found {http.url}."
        )
    return replace(http, url=http.url.rstrip("/"))


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return is_address(url) and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        return False
