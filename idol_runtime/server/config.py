"""How the server is set up, and every limit it keeps."""

import ipaddress
from typing import Annotated

import msgspec
from msgspec import Meta

from idol_runtime.conversation.items import ItemLimits
from idol_runtime.errors import ConfigError

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 30)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Units = Annotated[float, Meta(gt=0, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, le=0.95)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one server carries, and how long it waits."""

    max_connections: Count = 64
    """Sessions at once; one more is refused with 503."""
    max_strangers: Count = 256
    """Connections that are not in yet: silent, in their handshake, fetching a page, or not
    authenticated. The oldest gives way to a new one. Fewer where the system allows few open files.
    """
    stranger_bytes: Bytes = 4096
    """The longest first message of a connection without a token in its headers."""
    stranger_units: Units = 20.0
    """What such a connection may ask for in all, in units as below."""
    units_per_s: Units = 500.0
    """What a client may ask for each second, on average; who asks faster is read more slowly and
    told so once. A clock ping is one unit, 4 KiB are one, an answer is 200."""
    units_at_once: Units = 5000.0
    """What a client may ask for at once after a while of silence, in such units."""
    client_share: Share = 0.5
    """Of one core's time, what reading all clients may take; the rest is for frames."""
    max_event_bytes: Bytes = 64 * 1024
    """A longer text message is answered with an `error` event; the connection lives."""
    max_behind_s: Seconds = 2.0
    """Where no place is free, a client that has sent more than was read for so long gives up its
    own; its session waits as that of a broken connection does."""
    max_message_bytes: Bytes = 4 * 1024 * 1024
    """A longer message cannot be held, so the connection is closed with code 1009."""
    max_queued_bytes: Bytes = 1024 * 1024
    """Control and sound that wait for one client; further behind it loses the sound that waits, and
    one that control alone is too much for is dropped."""
    unsent_bytes: Bytes = 16 * 1024
    """What the kernel may hold back unsent for a client, where the kernel has such a limit."""
    stall_s: Seconds = 30.0
    """A client that takes nothing at all for so long is dropped, however slow it may be."""
    answer_s: Seconds = 2.0
    """How long a client has to end its connection, or to say that it has its new token."""
    handshake_s: Seconds = 10.0
    """How long a connection has for its request."""
    authenticate_s: Seconds = 5.0
    """How long a connection without a token in its headers has for `idol.authenticate`."""
    resume_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """How long a session whose connection broke waits for `idol.resume`."""
    max_waiting_sessions: Count | None = None
    """Sessions that wait for `idol.resume` at once; the one that has waited longest makes room.
    As many as `max_connections` where left out, so that all can come back."""
    max_waiting_bytes: Bytes = 64 * 1024 * 1024
    """Events kept for all sessions that wait; the one that has waited longest makes room."""
    journal_events: Count = 1024
    """Control events kept for `idol.resume`, at most so many."""
    journal_bytes: Bytes = 1024 * 1024
    """Control events kept for `idol.resume`, at most so much."""
    max_items: Count = 1_000
    """What one conversation holds; then its oldest exchanges are let go of, and what fills it
    before it is answered is refused."""
    max_conversation_bytes: Bytes = 1024 * 1024
    """Text that one conversation holds, in UTF-8."""
    drain_s: Seconds = 10.0
    """How long a shutdown may take."""

    @property
    def items(self) -> ItemLimits:
        """What one conversation holds."""
        return ItemLimits(self.max_items, self.max_conversation_bytes)


class Listening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen and who may connect."""

    host: str = "127.0.0.1"
    """The address to listen on; any but this machine's own loopback needs a token."""
    port: Port = 8765
    """The port of sessions, stage page, health and metrics alike; 0 lets the system choose."""
    token: str | None = None
    """What clients must know; required to listen beyond this machine."""
    host_token: str | None = None
    """What makes a session the host's: it may speak to a shared character whose audience is the
    host alone. It opens the server as `token` does. On loopback without one, all are the host's."""
    allowed_origins: tuple[str, ...] = ()
    """Web pages of other hosts that may connect, such as `https://example.org`."""


class ServerConfig(Listening, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        return is_loopback(self.host)


def check_config(config: ServerConfig) -> None:
    """Checks what no field alone shows, and the port, which nothing else checks.

    Raises:
        ConfigError: a port out of range, an empty token, two tokens that are one, or a bind beyond
            loopback without a token.
    """
    if not 0 <= config.port <= 65_535:
        raise ConfigError(f"Expected a port from 0 to 65535, found {config.port}.")
    for name, token in (("token", config.token), ("host token", config.host_token)):
        if token is not None and not token.strip():
            raise ConfigError(f"Expected a {name}, found an empty one; give one or leave it out.")
    if config.token is not None and config.token == config.host_token:
        raise ConfigError(
            "Expected a host token that viewers do not know, found the server's token again; "
            "choose another."
        )
    if not config.is_local and config.token is None:
        raise ConfigError(
            f"Listening on {config.host} lets other machines connect, which needs a token; "
            "give one, or listen on 127.0.0.1."
        )


def check_audience(config: ServerConfig, name: str, audience: str) -> None:
    """Raises `ConfigError` for a shared character that nobody could speak to."""
    if audience == "host" and config.host_token is None and not config.is_local:
        raise ConfigError(
            f"{name} listens to its host alone (`audience` in its character.toml), and nobody can "
            "be the host without a host token; give one by --host-token."
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
