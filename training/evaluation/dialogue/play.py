"""Scripts are played against a character of a server, and held against their rules."""

import json
import random
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from training.dialogue.placeholders import Values
from training.dialogue.scenes import EvaluationScript, PersonaSheet, ScriptLine
from training.evaluation.dialogue.client import ProductClient, ServerSaidError, session
from training.evaluation.dialogue.heard import HeardReply, PlayedScript, PlayedTurn
from training.evaluation.dialogue.rules import broken_rules, faults

_NAME_TOLD: Final = re.compile(r"\b(?i:my name is|call me|i'm|i am) ([A-Z][a-z]+)\b")


class ScriptPlayer:
    """Plays one script; a new connection for each of its sessions."""

    def __init__(
        self, address: str, character: str, sheet: PersonaSheet, script: EvaluationScript
    ) -> None:
        self.address, self.character = address, character
        self.sheet, self.script = sheet, script
        self._values = Values({**sheet.values}, random.Random(0), sheet.lang)
        self._values.let("self", sheet.names[0])
        self._turns: list[PlayedTurn] = []
        self._notes: list[str] = []
        self._names: list[str] = []

    async def play(self) -> PlayedScript:
        for lines in _sessions(self.script.beats):
            await self._play_session(lines)
        return PlayedScript(
            self.script.id,
            self.sheet.names[0],
            self.script.persona,
            self.script.categories,
            tuple(self._turns),
            tuple(dict.fromkeys(self._notes)),
        )

    async def _play_session(self, lines: Sequence[ScriptLine]) -> None:
        actions = [self._values.fill(action) for action in self.sheet.actions]
        user = f"&user={self.script.id}"
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                session(self.address, self.character, actions, query=user)
            )
            notes: list[str] = []
            before = ""
            for line in lines:
                text = self._values.fill(line.texts[0])
                match line.kind:
                    case "N":
                        notes = [] if text == "-" else [*(notes if before == "N" else []), text]
                    case "U":
                        if before == "N":
                            await client.know(notes)
                        await self._say(client, line, text)
                    case "R":
                        await self._result(client, text)
                before = line.kind
            self._notes += client.notes

    async def _say(self, client: ProductClient, line: ScriptLine, text: str) -> None:
        said = f"{line.speaker}: {text}" if line.speaker else text
        self._names += _NAME_TOLD.findall(text)
        try:
            heard = await client.say(said)
        except ServerSaidError as error:
            self._notes.append(f"An answer failed: {error}")
            heard = HeardReply(status="failed")
        self._keep(line, text, heard)

    async def _result(self, client: ProductClient, text: str) -> None:
        """Answers the action of the last reply, where there was one."""
        last = self._turns[-1].heard
        name, _, output = text.partition(" ")
        for call, call_id in zip(last.calls, last.call_ids, strict=True):
            if call.name == name:
                try:
                    heard = await client.result(call_id, output)
                except ServerSaidError as error:
                    self._notes.append(f"An action's result was not taken: {error}")
                    return
                self._keep(ScriptLine("R", (text,)), f"({text})", heard)
                return

    def _keep(self, line: ScriptLine, said: str, heard: HeardReply) -> None:
        before = [turn.heard.speech for turn in self._turns]
        common = faults(
            heard, name=self.sheet.names[0], said=said, before=before, names=self._names
        )
        if line.kind == "R":
            common = [fault for fault in common if fault != "silent"]
        broken = (*broken_rules(heard, line.rules), *(f"fault: {fault}" for fault in common))
        self._turns.append(PlayedTurn(said, line.speaker, line.rules, heard, broken))


def _sessions(lines: Sequence[ScriptLine]) -> list[list[ScriptLine]]:
    parts: list[list[ScriptLine]] = [[]]
    for line in lines:
        if line.kind == "@session":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def transcript(played: PlayedScript) -> list[str]:
    """Lines of Markdown that a person can read."""
    lines = [f"### {played.script} ({', '.join(played.categories)})", ""]
    lines += [f"> {note}" for note in played.notes]
    for turn in played.turns:
        heard = turn.heard
        cues = [f"[{name}]" for name in (*heard.emotions, *heard.gestures)]
        cues += [f"[{call.name} {json.dumps(call.arguments)}]" for call in heard.calls]
        lines.append(f"- **{turn.speaker or 'User'}:** {turn.said}")
        told = " ".join([*cues, heard.speech]) or "(nothing)"
        lines.append(f"  **{played.character}:** {told}")
        lines += [f"  - *missed:* `{broken}`" for broken in turn.broken]
    return [*lines, ""]
