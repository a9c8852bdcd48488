"""One tree of errors. Every message is a sentence: what was expected, what came, what to do.

IdolError
├── ConfigError      a character folder, a TOML file, a command-line value
├── StoreError       a model that cannot be fetched, verified or written
├── BundleError      a bundle that is truncated, altered or of another kind
├── ProviderError    an execution provider that was asked for and is not there
├── InputError       text, sound or a file the user gave and we cannot use
│   └── RequestError something asked of a character that it cannot do now
├── OutputError      an output that cannot be opened or cannot follow
└── WorkerError      a worker process that died or refused a request
"""

import importlib.metadata
import shlex
import sys
from functools import partial
from pathlib import Path


class IdolError(Exception):
    """The root: the command line prints its message and exits with status 2."""


class ConfigError(IdolError):
    pass


class StoreError(IdolError):
    pass


class BundleError(IdolError):
    pass


class ProviderError(IdolError):
    pass


class InputError(IdolError):
    pass


class RequestError(InputError):
    """What a client may want to tell apart: `code` names the reason, `param` the field."""

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is pickled by its arguments alone, which leaves out what has a name.
        return partial(RequestError, code=self.code, param=self.param), self.args


class OutputError(IdolError):
    pass


class WorkerError(IdolError):
    pass


CHECKOUT = Path(__file__).parents[1]
"""Where the package lies in its sources; in an installed wheel no `pyproject.toml` is there."""


def install_command(extra: str) -> str:
    """The command line that installs an extra, wherever it is typed.

    From a checkout it is the extra's name; a wheel is in no registry that pip could ask for it, so
    there it is what the extra asks for.
    """
    if (CHECKOUT / "pyproject.toml").is_file():
        return pip_command("install", "--editable", f"{CHECKOUT}[{extra}]")
    asked = importlib.metadata.requires("idol-runtime") or []
    parts = [line.partition(";") for line in asked]
    return pip_command(
        "install",
        *(what.strip() for what, _, when in parts if when.strip() == f"extra == '{extra}'"),
    )


def pip_command(*words: str) -> str:
    """A command line for the pip of this Python, which need not be the one on the path."""
    return shlex.join([sys.executable, "-m", "pip", *words])
