"""What a session and a response are set to, and how an update changes it."""

from msgspec import UNSET, Struct
from msgspec.structs import replace

from idol_protocol.client_events import ResponseParams, SessionPatch
from idol_protocol.errors import ProtocolError
from idol_protocol.items import AudioConfig, MaxTokens, Modality
from idol_runtime.conversation.character_handle import CharacterCard
from idol_runtime.conversation.reply_options import ReplyOptions

MIN_SPEED = 0.5


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """How the next response is made."""

    instructions: str = ""
    modality: Modality = "audio"
    max_output_tokens: MaxTokens = "inf"
    voice: str
    speed: float
    temperature: float | None = None

    def options(self, metadata: dict[str, str] | None = None) -> ReplyOptions:
        limit = self.max_output_tokens
        return ReplyOptions(
            instructions=self.instructions,
            spoken=self.modality == "audio",
            max_tokens=None if limit == "inf" else limit,
            voice=self.voice,
            speed=self.speed,
            temperature=self.temperature,
            metadata=metadata,
        )


def initial_settings(card: CharacterCard) -> ResponseSettings:
    return ResponseSettings(voice=card.voice, speed=card.speed, temperature=card.temperature)


def updated(settings: ResponseSettings, patch: SessionPatch) -> ResponseSettings:
    """The settings with the changes of a `session.update`.

    Raises:
        ProtocolError: a setting that cannot be honoured.
    """
    if patch.tools is not UNSET and patch.tools:
        raise _unsupported("session.tools", "Tools are not supported yet; leave them out.")
    changes: dict[str, object] = {
        name: value
        for name in ("instructions", "max_output_tokens", "temperature")
        if (value := getattr(patch, name)) is not UNSET
    }
    if patch.output_modalities is not UNSET:
        changes["modality"] = patch.output_modalities[0]
    if patch.audio is not UNSET:
        changes |= _audio_changes(patch.audio, "session.audio.output")
    return replace(settings, **changes)


def for_response(settings: ResponseSettings, params: ResponseParams | None) -> ResponseSettings:
    """The session's settings with those of one response.

    Raises:
        ProtocolError: a setting that cannot be honoured.
    """
    if params is None:
        return settings
    if params.tools:
        raise _unsupported("response.tools", "Tools are not supported yet; leave them out.")
    if params.input is not None:
        raise _unsupported(
            "response.input",
            "A response always answers the conversation; add items with "
            "`conversation.item.create` instead.",
        )
    if params.conversation not in (None, "auto"):
        raise _unsupported(
            "response.conversation",
            "Every response belongs to the conversation; use `auto` or leave it out.",
        )
    changes: dict[str, object] = {
        name: value
        for name in ("instructions", "max_output_tokens", "temperature")
        if (value := getattr(params, name)) is not None
    }
    if params.output_modalities is not None:
        changes["modality"] = params.output_modalities[0]
    changes |= _audio_changes(params.audio, "response.audio.output")
    return replace(settings, **changes)


def _audio_changes(audio: AudioConfig | None, param: str) -> dict[str, object]:
    output = audio.output if audio is not None else None
    if output is None:
        return {}
    if output.speed is not None and output.speed < MIN_SPEED:
        raise _unsupported(
            f"{param}.speed", f"Expected a speed of at least {MIN_SPEED}, found {output.speed:g}."
        )
    changes = {"voice": output.voice, "speed": output.speed}
    return {name: value for name, value in changes.items() if value is not None}


def _unsupported(param: str, sentence: str) -> ProtocolError:
    return ProtocolError(sentence, code="unsupported_field", param=param)
