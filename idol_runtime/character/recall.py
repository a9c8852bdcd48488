"""What a character says of what it remembers of somebody: the table `memory` of character.toml."""

import msgspec


class RecallLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it says, word for word, when somebody asks what it knows of them ("What is my name?"),
    which small models answer as if they were asked about themselves. Each list holds ways of
    saying the same, taken in turn; an empty one leaves it at the default.
    """

    scripted: bool = True
    """Whether such questions are answered word for word; a large model does well without."""
    name: list[str] = []
    """The name they told, `{name}`."""
    no_name: list[str] = []
    """That they told no name."""
    fact: list[str] = []
    """What they told, `{fact}`, a phrase such as `live in Oslo`."""
    no_fact: list[str] = []
    """That they did not tell it, `{thing}`, such as `where you live`."""
    known: list[str] = []
    """That they are remembered: `{name}`, and `{facts}`, a sentence or nothing."""
    unknown: list[str] = []
    """That nothing is known of them."""
