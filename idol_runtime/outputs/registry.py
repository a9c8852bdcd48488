"""Outputs by URL: ours, and those of installed packages.

A package offers one by an entry point, whose name is the scheme of its URLs:

    [project.entry-points."idol_runtime.outputs"]
    osc = "my_package:make_output"

where `make_output(url: str)` returns an `idol_runtime.timeline.Output` that is not yet open.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TypeAlias, cast
from urllib.parse import urlsplit

from idol_runtime.errors import ConfigError
from idol_runtime.outputs.file_output import FileOutput
from idol_runtime.timeline import Output

GROUP = "idol_runtime.outputs"

MakeOutput: TypeAlias = Callable[[str], Output]


class OutputRegistry:
    """Makes outputs from URLs."""

    def __init__(self) -> None:
        self._own: dict[str, MakeOutput] = {"file": FileOutput.from_url}

    def register(self, scheme: str, make: MakeOutput) -> None:
        """Adds a scheme, or takes the place of the one that was there."""
        self._own[scheme] = make

    @property
    def schemes(self) -> tuple[str, ...]:
        """All that can be made now, in alphabetical order."""
        return tuple(sorted({*self._own, *entry_points(group=GROUP).names}))

    def make(self, url: str) -> Output:
        """An output that is not yet open, see `idol_runtime.outputs.attachment`.

        Raises:
            ConfigError: an unknown scheme, a package that is broken, or a URL that the output
                cannot use.
        """
        scheme = urlsplit(url).scheme
        make = self._own.get(scheme) or self._installed(scheme)
        if make is None:
            known = ", ".join(f"{each}://" for each in self.schemes)
            raise ConfigError(
                f"{url}: expected an output that begins with one of {known}, found "
                f"{f'{scheme}://' if scheme else 'no scheme'}; choose one of these, or install the "
                "package that brings it."
            )
        return make(url)

    def _installed(self, scheme: str) -> MakeOutput | None:
        found = entry_points(group=GROUP, name=scheme)
        if not found:
            return None
        if len(found) > 1:
            packages = ", ".join(sorted(each.dist.name for each in found if each.dist))
            raise ConfigError(
                f"{scheme}://: expected one package that makes this output, found {packages}; "
                "remove all but one."
            )
        [entry] = found
        try:
            return cast("MakeOutput", entry.load())
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{scheme}://: expected the output at {entry.value}, but {error}; install its "
                "package again."
            ) from None
