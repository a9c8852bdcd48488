"""Several characters in one scene: they hear each other and whoever speaks to one of them, and take
turns without ever talking for ever.
"""

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Final

from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.events import ConversationEvent, ItemAdded, TurnEnded, TurnStarted
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.reply_options import AS_THE_CHARACTER, ReplyOptions
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.errors import RequestError

log = logging.getLogger(__name__)

_EVERYBODY: Final = re.compile(
    r"\b(?:you (?:two|three|all|both)|both of you|everyone|everybody|y'all)\b", re.IGNORECASE
)


class Company:
    """The characters of a scene.

    After an answer the next to speak is whom it names. Where it names nobody, each who has not
    spoken since the user did takes a turn, in the order of the scene, unless the user spoke to one
    alone. A user who says something gives them `turns` answers that nobody asks for.
    """

    def __init__(self, members: Mapping[str, Conversation], turns: int) -> None:
        """Brings characters together, by the names of their folders, in order."""
        self._members = dict(members)
        self._turns = turns
        self._left = 0
        """Answers that may still be given unasked."""
        self._silent: list[str] = []
        """Those who are still to speak, in order."""
        self._given: dict[str, ReplyOptions] = {}
        """How answers are given that have not ended."""
        self._is_telling = False
        """Whether what joins a conversation now comes from another one."""
        for name, conversation in self._members.items():
            others = [each.character.name for key, each in self._members.items() if key != name]
            conversation.world.company = tuple(others)
            conversation.subscribe(partial(self._heard, name))

    def _heard(self, name: str, event: ConversationEvent) -> None:
        match event:
            case ItemAdded(item=item) if item.role == "user" and not self._is_telling:
                self._user_spoke(name, item.text, item.speaker)
            case TurnStarted(turn_id=turn_id, options=options):
                self._given[turn_id] = options
            case TurnEnded(turn_id=turn_id, ended=ended):
                options = self._given.pop(turn_id, AS_THE_CHARACTER)
                if options.joins:
                    self._answered(name, ended, options)

    def _user_spoke(self, name: str, text: str, speaker: Speaker) -> None:
        self._tell(name, text, speaker, is_named=False)
        addressed = self._named_in(text)
        self._left = self._turns
        if _EVERYBODY.search(text) or not addressed:
            self._silent = self._in_order_after(name)
        else:
            self._silent = addressed

    def _answered(self, name: str, ended: Ended, options: ReplyOptions) -> None:
        text = ended.item.text
        if not text.strip():
            return
        self._silent = [each for each in self._silent if each != name]
        own = self._members[name].character.name
        self._tell(name, text, Speaker(f"character/{name}", own), is_named=True)
        if ended.status not in ("completed", "incomplete") or self._left <= 0:
            return
        named = [each for each in self._named_in(text) if each != name]
        if (following := next(iter(named or self._silent), None)) is not None:
            self._left -= 1
            self._give_turn(following, ReplyOptions(spoken=options.spoken))

    def _give_turn(self, name: str, options: ReplyOptions) -> None:
        try:
            self._members[name].reply(options)
        except RequestError as refusal:  # it is speaking already, or its conversation is full
            log.info("a turn in a scene was not taken", extra={"code": refusal.code})

    def _tell(self, name: str, text: str, speaker: Speaker, *, is_named: bool) -> None:
        self._is_telling = True
        for key, conversation in self._members.items():
            if key == name:
                continue
            try:
                conversation.overhear(text, speaker, is_named=is_named)
            except RequestError as refusal:
                log.warning("a line in a scene was not heard", extra={"code": refusal.code})
        self._is_telling = False

    def _named_in(self, text: str) -> list[str]:
        """Members whom a text names, in the order in which it does."""
        places = {
            name: found.start()
            for name, conversation in self._members.items()
            if (found := _calls(conversation.character.name).search(text)) is not None
        }
        return sorted(places, key=places.__getitem__)

    def _in_order_after(self, name: str) -> list[str]:
        names = list(self._members)
        at = names.index(name)
        return names[at:] + names[:at]


def _calls(name: str) -> re.Pattern[str]:
    """A name, or the first word of it."""
    words = dict.fromkeys((name, name.split()[0]))
    either = "|".join(re.escape(each) for each in words)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
