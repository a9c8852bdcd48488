"""Engines by name: ours, and those of installed packages.

A bundle's manifest names its engine. A package offers one by an entry point:

    [project.entry-points."idol_runtime.engines"]
    tone = "tone_voice:open_engine"

where `open_engine(folder, provider, threads)` gets a verified bundle's folder and returns a
`Dialogue` or a `Voice`.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar, cast

from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import open_bundle, read_manifest
from idol_runtime.inference.service import Service
from idol_runtime.inference.session import Provider

GROUP = "idol_runtime.engines"

Engine = TypeVar("Engine", bound=Service[Any, Any, Any, Any])
OpenEngine: TypeAlias = Callable[[Path, Provider, int], Engine]


class EngineNames(Generic[Engine]):
    """The engines of one kind of bundle."""

    def __init__(
        self, kind: str, capabilities: type, own: Mapping[str, OpenEngine[Engine]]
    ) -> None:
        """A registry of engines.

        Args:
            kind: Of the bundles that name them.
            capabilities: What every engine of this kind tells of itself.
            own: Ours by name; the first opens bundles that name none.
        """
        self.kind = kind
        self._capabilities = capabilities
        self._own = own

    def of(self, folder: Path) -> OpenEngine[Engine]:
        """The engine that a bundle names; picklable, and not loaded before it is called.

        Raises:
            BundleError: no manifest, or no engine of its name, or several.
        """
        manifest = read_manifest(folder)
        name = manifest.engine or next(iter(self._own))
        if name in self._own:
            return self._own[name]
        found = entry_points(group=GROUP, name=name)
        if len(found) == 1:
            return InstalledEngine(name, found[name].value, self.kind, self._capabilities)
        if not found:
            known = sorted({*self._own, *entry_points(group=GROUP).names})
            raise BundleError(
                f"{folder}: expected one of the engines {', '.join(known)}, found `{name}`; "
                "install the package that brings it, or mend `engine` in the manifest."
            )
        packages = ", ".join(sorted(_package(each) for each in found))
        raise BundleError(
            f"{folder}: expected one engine `{name}`, found it in {packages}; remove one of them."
        )


@dataclass(frozen=True, slots=True)
class InstalledEngine:
    """Opens the engine of an installed package."""

    name: str
    target: str
    """`module:attribute`."""
    kind: str
    capabilities: type

    def __call__(self, folder: Path, provider: Provider, threads: int) -> Any:
        """Loads the package and opens the engine.

        Raises:
            BundleError: the bundle is damaged, the package broken, or the engine of another kind.
        """
        open_bundle(folder, self.kind)
        try:
            open_engine = cast("OpenEngine[Any]", pkgutil.resolve_name(self.target))
        except (ImportError, AttributeError, ValueError) as error:
            raise BundleError(
                f"{folder}: expected the engine `{self.name}` at {self.target}, but {error}; "
                "install its package again."
            ) from None
        service = open_engine(folder, provider, threads)
        found = getattr(service, "capabilities", None)
        if not isinstance(found, self.capabilities):
            raise BundleError(
                f"{folder}: expected the engine `{self.name}` to have {self.capabilities.__name__} "
                f"as its capabilities, found {type(found).__name__}; name another engine in this "
                f"{self.kind} bundle."
            )
        return service


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
