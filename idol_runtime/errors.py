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

from functools import partial


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
