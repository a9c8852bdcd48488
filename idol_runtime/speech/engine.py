"""What a voice is: text in, sound and the times of its phonemes out."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from idol_runtime.inference.service import Service
from idol_runtime.speech.types import SpeechChunk, SpeechRequest


@dataclass(frozen=True, slots=True)
class VoiceCapabilities:
    sample_rate_hz: int
    """Of the chunks' sound; it is converted to the timeline's rate where it differs."""
    languages: tuple[str, ...]
    """BCP 47; `en` stands for every kind of English. Empty: whatever it is given."""
    alphabet: Literal["ipa"] | None = None
    """What phonemes are written in: a letter of the IPA each, or one of misaki's capitals for a
    diphthong. None: chunks have none, and the face follows the sound alone."""
    has_exact_times: bool = False
    """Phonemes stand where they sound, as the model itself placed them, to about 25 ms."""
    voices: tuple[str, ...] = ()
    """Names that a request may ask for; empty where nobody knows."""
    blends: bool = False
    """Whether a request may also ask for several names by weights: `af_heart:0.6+bf_emma:0.4`."""


# Any: what a stream is stays the engine's own business.
class Voice(Service[SpeechRequest, Any, SpeechChunk, VoiceCapabilities], Protocol):
    """A service that speaks clauses, in `SpeechChunk`s whose last one says so."""


def speaks(languages: tuple[str, ...], language: str) -> bool:
    """Whether a language is among these, kinds of one language being equal."""
    spoken = {each.lower().split("-")[0] for each in languages}
    return not languages or language.lower().split("-")[0] in spoken
