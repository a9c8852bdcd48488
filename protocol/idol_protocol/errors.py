"""Errors of the wire. Every message is a sentence: what was expected, what came, what to do."""


class ProtocolError(Exception):
    """A message that does not follow the protocol. The connection can live on."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid_message",
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """Short and stable, for programs: `invalid_json`, `unknown_event`, `invalid_field`, ..."""
        self.param = param
        """The field at fault as a dotted path (`item.content[0].text`), if one field is."""
        self.event_id = event_id
        """The `event_id` the client gave the message, if it gave one."""
