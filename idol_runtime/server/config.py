"""How the server is set up, and every limit it keeps."""

import ipaddress

import msgspec

from idol_runtime.errors import ConfigError


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_connections: int = 64
    max_event_bytes: int = 64 * 1024
    """A longer text message is answered with an `error` event; the connection lives."""
    max_message_bytes: int = 4 * 1024 * 1024
    """A longer message cannot be held, so the connection is closed with code 1009."""
    max_queued_bytes: int = 1024 * 1024
    """Control and sound that wait for one client; a client that is further behind is dropped."""
    write_buffer_bytes: int = 32 * 1024
    """Sending waits while more than this is on its way to the kernel."""
    unsent_bytes: int = 16 * 1024
    """What the kernel may hold back unsent for a client, where the kernel has such a limit."""
    stall_s: float = 2.0
    """A client that takes nothing for so long is dropped; keepalive does not notice it."""
    authenticate_s: float = 5.0
    """How long a connection without a token in its headers has for `idol.authenticate`."""
    resume_s: float = 60.0
    """How long a session whose connection broke waits for `idol.resume`."""
    max_waiting_sessions: int = 8
    journal_events: int = 1024
    journal_bytes: int = 1024 * 1024
    """Control events kept for `idol.resume`."""
    drain_s: float = 10.0
    """How long a shutdown may take."""


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: int = 8765
    """0 lets the system choose."""
    token: str | None = None
    """What clients must know; required to listen beyond this machine."""
    allowed_origins: tuple[str, ...] = ()
    """Web pages of other hosts that may connect, such as `https://example.org`."""
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        return is_loopback(self.host)


def check_config(config: ServerConfig) -> None:
    """Raises:
    ConfigError: a port out of range, an empty token, or a bind beyond loopback without a token.
    """
    if not 0 <= config.port <= 65_535:
        raise ConfigError(f"Expected a port from 0 to 65535, found {config.port}.")
    if config.token is not None and not config.token.strip():
        raise ConfigError("Expected a token, found an empty one; give one or leave it out.")
    if not config.is_local and config.token is None:
        raise ConfigError(
            f"Listening on {config.host} lets other machines connect, which needs a token; "
            "give one, or listen on 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
