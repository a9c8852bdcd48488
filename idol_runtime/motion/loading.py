"""Opening the bundle of a motion generator."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.inference.session import OnnxSession, Provider

C = TypeVar("C", bound=msgspec.Struct)


def load_generator(
    folder: Path,
    kind: str,
    config_type: type[C],
    names: Mapping[str, tuple[str, ...]],
    *,
    provider: Provider,
    threads: int,
) -> tuple[OnnxSession, C]:
    """The session of KIND.onnx and the manifest's settings.

    Args:
        folder: A bundle.
        kind: `face` or `pose`.
        config_type: What the manifest's `config` must hold.
        names: Settings that must be exactly these, such as the channels.
        provider: Where the session runs.
        threads: Of one run.

    Raises:
        BundleError: the bundle is damaged, of another kind, or made for other names.
        ProviderError: CUDA was asked for and cannot be used.
    """
    bundle = open_bundle(folder, kind)
    again = f"export it again with `python -m export.{kind}`."
    try:
        config = msgspec.convert(bundle.manifest.config, config_type)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{folder}: expected the settings of a {kind} generator, but {error}; {again}"
        ) from None
    for name, ours in names.items():
        if (theirs := getattr(config, name)) != ours:
            raise BundleError(
                f"{folder}: expected the {name} {', '.join(ours)}, found {', '.join(theirs)}; "
                + again
            )
    return OnnxSession(bundle.path(f"{kind}.onnx"), provider=provider, threads=threads), config
