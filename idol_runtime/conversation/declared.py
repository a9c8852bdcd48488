"""Functions as clients declare them: actions that a character may call beside its own."""

from collections.abc import Sequence
from typing import Any, Final

from idol_runtime.character import Action as Action
from idol_runtime.character import checked_actions
from idol_runtime.errors import ConfigError

MAX_TOLD: Final = 300
"""Characters of a description that the dialogue model reads."""


def together(own: Sequence[Action], tools: Sequence[Action]) -> tuple[Action, ...]:
    """A character's own actions and a client's; of one name the client's is meant."""
    declared = {each.name for each in tools}
    return (*(each for each in own if each.name not in declared), *tools)


def shown(tools: Sequence[Action]) -> list[dict[str, Any]]:
    """As the Realtime API writes them."""
    return [
        {
            "type": "function",
            "name": each.name,
            "description": each.description,
            "parameters": each.parameters,
        }
        for each in tools
    ]


def tools_of(sent: object, own: Sequence[Action], where: str) -> tuple[Action, ...]:
    """The functions of a list as the Realtime API writes it.

    Args:
        sent: What came.
        own: The character's own actions, which count as well.
        where: What sentences call the list.

    Raises:
        ConfigError: something else, or what `checked_actions` refuses.
    """
    if not isinstance(sent, list):
        raise ConfigError(f"{where}: expected a list of functions, found another value.")
    tools = checked_actions(
        [_action(each, f"{where}[{at}]") for at, each in enumerate(sent)], where
    )
    checked_actions(together(own, tools), where)
    return tools


def _action(sent: object, where: str) -> Action:
    if not isinstance(sent, dict) or sent.get("type") != "function":
        raise ConfigError(f"{where}.type: expected function, the one kind of tool there is.")
    name, told = sent.get("name"), sent.get("description") or ""
    parameters = sent.get("parameters") or {}
    if not (isinstance(name, str) and isinstance(told, str) and isinstance(parameters, dict)):
        raise ConfigError(
            f"{where}: expected a name and a description as texts and parameters as an object."
        )
    told = " ".join(told.split())
    return Action(name, told if len(told) <= MAX_TOLD else told[: MAX_TOLD - 3] + "...", parameters)
