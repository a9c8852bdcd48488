"""What a session and a response are set to, and how an update changes it."""

import dataclasses

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from idol_protocol.client_events import (
    CustomVoice,
    OutputWish,
    ResponseParams,
    SessionPatch,
)
from idol_protocol.errors import ProtocolError
from idol_protocol.items import MAX_ITEM_BYTES, MAX_METADATA_BYTES, MaxTokens, Modality
from idol_runtime.conversation.character_handle import CharacterCard, CharacterHandle
from idol_runtime.conversation.declared import Action, together
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.errors import RequestError
from idol_runtime.server.tools import ToolChoice, tool_changes
from idol_runtime.server.unsupported import LeftOut, unsupported

MIN_SPEED = 0.5


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """How the next response is made."""

    instructions: str = ""
    """In place of the character's persona; empty for the persona."""
    modality: Modality = "audio"
    max_output_tokens: MaxTokens = "inf"
    voice: str
    speed: float
    temperature: float | None = None
    own_actions: tuple[Action, ...] = ()
    """What the character can do by itself."""
    tools: tuple[Action, ...] = ()
    """What the client has declared."""
    tool_choice: ToolChoice = "auto"

    def options(self) -> ReplyOptions:
        limit = self.max_output_tokens
        return ReplyOptions(
            instructions=self.instructions,
            spoken=self.modality == "audio",
            max_tokens=None if limit == "inf" else limit,
            voice=self.voice,
            speed=self.speed,
            temperature=self.temperature,
            actions=() if self.tool_choice == "none" else together(self.own_actions, self.tools),
        )


def initial_settings(card: CharacterCard) -> ResponseSettings:
    return ResponseSettings(
        voice=card.voice,
        speed=card.speed,
        temperature=card.temperature,
        own_actions=card.actions,
    )


async def updated(
    settings: ResponseSettings,
    patch: SessionPatch | ResponseParams,
    character: CharacterHandle,
    root: str,
) -> tuple[ResponseSettings, list[LeftOut]]:
    """The settings with the changes of an update, and what of it was left out.

    Args:
        settings: As they are.
        patch: Of a session, or of one response.
        character: Whose voices they are.
        root: What the patch is called in the event: `session` or `response`.

    Raises:
        ProtocolError: a value that a setting cannot have; nothing is changed then.
        RequestError: a voice that the character cannot have.
    """
    left_out: list[LeftOut] = []
    changes = tool_changes(patch, character.card, root, left_out)
    left_out += unsupported(patch, root)
    changes |= {
        name: value
        for name in ("instructions", "max_output_tokens", "temperature")
        if (value := getattr(patch, name)) is not None
    }
    if patch.instructions is not None:
        _check_size(patch.instructions, MAX_ITEM_BYTES, f"{root}.instructions")
    if isinstance(patch, SessionPatch) and not character.card.is_meant_by(patch.model):
        left_out.append(
            LeftOut("session.model", f"it stays {character.card.id}; connect with another ?model=")
        )
    if changes.get("instructions") and not character.card.may_instruct:
        del changes["instructions"]
        left_out.append(LeftOut(f"{root}.instructions", "they are for the character's host to set"))
    if patch.output_modalities is not None:
        changes["modality"] = patch.output_modalities[0]
    if patch.audio is not None and patch.audio.output is not None:
        changes |= await _sound(patch.audio.output, character, f"{root}.audio.output")
    return replace(settings, **changes), left_out


async def reply_options(
    settings: ResponseSettings, params: ResponseParams | None, character: CharacterHandle
) -> tuple[ReplyOptions, list[LeftOut]]:
    """How one response is to be made, and what of its settings was left out.

    Raises:
        ProtocolError: a value that a setting cannot have.
        RequestError: a voice that the character cannot have.
    """
    if params is None:
        return settings.options(), []
    if params.conversation not in (None, "auto", "none", character.card.conversation_id):
        raise ProtocolError(
            "Expected the conversation `auto` or `none`, found another; a session has one alone.",
            code="unsupported_field",
            param="response.conversation",
        )
    _check_size(params.metadata, MAX_METADATA_BYTES, "response.metadata")
    own, left_out = await updated(settings, params, character, "response")
    options = dataclasses.replace(
        own.options(),
        context=None if params.input is None else tuple(params.input),
        joins=params.conversation != "none",
        metadata=params.metadata,
    )
    return options, left_out


def _check_size(value: object, limit: int, param: str) -> None:
    """What comes back has to fit into one message."""
    if (size := len(msgspec.json.encode(value))) > limit:
        raise ProtocolError(
            f"Expected at most {limit} bytes as JSON, found {size}; send less.",
            code="text_too_long",
            param=param,
        )


async def _sound(output: OutputWish, character: CharacterHandle, param: str) -> dict[str, object]:
    changes: dict[str, object] = {}
    if output.speed is not None:
        if output.speed < MIN_SPEED:
            raise ProtocolError(
                f"Expected a speed of at least {MIN_SPEED}, found {output.speed:g}.",
                code="unsupported_field",
                param=f"{param}.speed",
            )
        changes["speed"] = output.speed
    voice = output.voice.id if isinstance(output.voice, CustomVoice) else output.voice
    if voice is not None:
        try:
            changes["voice"] = await character.voice(voice)
        except RequestError as refusal:
            refusal.param = f"{param}.voice"
            raise
    return changes
