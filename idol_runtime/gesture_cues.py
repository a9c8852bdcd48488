"""Gestures that a reply asks for, by `[wave]` or by `*waves*`, taken out of its text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlacedGesture:
    """A gesture at its place in a text that no longer holds its tag."""

    name: str
    """One of `GESTURES`."""
    offset: int
    """Position in the text; the gesture falls on the word that begins there or after it."""
