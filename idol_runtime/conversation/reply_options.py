"""What one answer may change."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """How one answer is made; what is None follows the character."""

    instructions: str = ""
    """Added to the persona for this answer."""
    spoken: bool = True
    """False for an answer in text only: the body stays, the voice is silent."""
    max_tokens: int | None = None
    voice: str | None = None
    speed: float | None = None
    temperature: float | None = None
    seed: int | None = None
    """Draws the reply; None draws a new one each time."""
    metadata: Mapping[str, str] | None = None
    """Kept for whoever asked; nothing reads it here."""


AS_THE_CHARACTER = ReplyOptions()
"""Nothing is changed."""
