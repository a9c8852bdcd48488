"""What names a voice: one of the engine's own names, or a blend of several by weights."""

from difflib import get_close_matches

from idol_runtime.errors import ConfigError
from idol_runtime.speech.engine import VoiceCapabilities

MAX_PARTS = 8
_WEIGHTS = (0.001, 1000.0)
_SHOWN = 64


def parts_of(voice: str) -> list[tuple[str, float]]:
    """The names in a voice such as `af_heart` or `af_heart:0.6+bf_emma:0.4`, with their shares.

    Shares add up to 1; a name without a weight has the weight 1.

    Raises:
        ConfigError: a weight that is no number from 0.001 to 1000, or too many parts.
    """
    parts = [_part(part, voice) for part in voice.split("+")]
    if len(parts) > MAX_PARTS:
        raise ConfigError(
            f"Expected at most {MAX_PARTS} voices in a blend, found {len(parts)}; leave some out."
        )
    total = sum(weight for _, weight in parts)
    return [(name, weight / total) for name, weight in parts]


def check_voice(voice: str, capabilities: VoiceCapabilities) -> None:
    """Raises `ConfigError` for a voice that the engine does not have, as far as it is known."""
    parts = parts_of(voice) if capabilities.blends else [(voice, 1.0)]
    for name, _ in parts:
        if capabilities.voices and name not in capabilities.voices:
            raise unknown_voice(name, capabilities.voices)


def unknown_voice(name: str, voices: tuple[str, ...]) -> ConfigError:
    near = get_close_matches(name[:_SHOWN].lower(), voices, n=3)
    meant = f"did you mean {' or '.join(near)}? It has" if near else "use one of"
    return ConfigError(
        f"Expected a voice the speech model has, found `{_shown(name)}`; "
        f"{meant} {', '.join(voices)}."
    )


def _part(part: str, voice: str) -> tuple[str, float]:
    name, colon, weight = part.partition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        value = 0.0
    if not _WEIGHTS[0] <= value <= _WEIGHTS[1]:
        raise ConfigError(
            f"Expected weights from {_WEIGHTS[0]:g} to {_WEIGHTS[1]:g} in the voice "
            f"`{_shown(voice)}`, found `{_shown(weight.strip())}`; "
            "write a blend as af_heart:0.6+bf_emma:0.4."
        )
    return name.strip(), value


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
