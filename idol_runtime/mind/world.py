"""What a host says is so in its world is told to the dialogue model before each answer."""

from collections.abc import Iterator, Mapping, Sequence

from idol_runtime.conversation.hooks import Hooks, Meeting, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.conversation.world import Fact
from idol_runtime.mind.notes import estimated_tokens, on_one_line


def world_hooks(meeting: Meeting) -> Hooks:
    """Facts are notes: `The shop is open.` as it is, the number 50 called gold as `gold: 50`."""
    world, budget = meeting.world, meeting.character.world.token_budget

    async def note(occasion: Occasion, prompt: Prompt) -> Prompt:
        company = note_of_company(world.company)
        return prompt.noted(*company, *notes_of_world(world.facts, budget))

    return Hooks(prompt=(note,))


def note_of_company(names: Sequence[str]) -> tuple[str, ...]:
    """Who else is there."""
    if not names:
        return ()
    *others, last = names
    if not others:
        return (f"{last} is here, too.",)
    return (f"{', '.join(others)} and {last} are here, too.",)


def notes_of_world(facts: Mapping[str, Fact], token_budget: int) -> tuple[str, ...]:
    """The facts in the order in which they were told; where not all fit, the newest ones."""
    kept = list(_newest(facts, token_budget))
    return tuple(reversed(kept))


def _newest(facts: Mapping[str, Fact], left: int) -> Iterator[str]:
    for name, fact in reversed(list(facts.items())):
        note = _note(name, fact)
        left -= estimated_tokens(note)
        if left < 0:
            return
        if note:
            yield note


def _note(name: str, fact: Fact) -> str:
    match fact:
        case str():
            return on_one_line(fact)
        case bool():
            value = "yes" if fact else "no"
        case float():
            value = f"{fact:g}"
        case _:
            value = str(fact)
    return on_one_line(f"{name}: {value}")
