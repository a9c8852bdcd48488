"""What a client's settings change of the functions that its character may call."""

from typing import Literal, TypeAlias

from idol_protocol.client_events import ResponseParams, SessionPatch
from idol_runtime.conversation.character_handle import CharacterCard
from idol_runtime.conversation.declared import tools_of
from idol_runtime.errors import ConfigError
from idol_runtime.server.unsupported import LeftOut

ToolChoice: TypeAlias = Literal["auto", "none"]


def tool_changes(
    patch: SessionPatch | ResponseParams, card: CharacterCard, root: str, left_out: list[LeftOut]
) -> dict[str, object]:
    """What a patch changes of the tools; what cannot be had is added to `left_out`."""
    changes: dict[str, object] = {}
    if patch.tools is not None:
        try:
            tools = tools_of(patch.tools, card.actions, f"{root}.tools")
        except ConfigError as problem:
            left_out.append(LeftOut(f"{root}.tools", str(problem).rstrip(".")))
        else:
            if tools and not card.may_instruct:
                reason = "they are for the character's host to set"
                left_out.append(LeftOut(f"{root}.tools", reason))
            else:
                changes["tools"] = tools
    if patch.tool_choice in ("auto", "none"):
        changes["tool_choice"] = patch.tool_choice
    elif patch.tool_choice is not None:
        left_out.append(LeftOut(f"{root}.tool_choice", "expected auto or none"))
    return changes
