import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import idol_runtime
from idol_runtime.dialogue.adapted import open_adapter
from idol_runtime.errors import StoreError
from idol_runtime.store.catalog import (
    ArchiveSource,
    Catalog,
    HubSource,
    load_catalog,
    parse_catalog,
)

SHIPPED = Path(idol_runtime.__file__).parent / "catalog.toml"
DIGEST = "0" * 64


def toml(value: Any) -> str:
    """Inline TOML; JSON's strings and numbers are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def document(value: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {toml(entry)}\n" for key, entry in value.items())


names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
words = st.text("abc é \"\\'#=[]{}\n\t", max_size=12)
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
sizes = st.integers(1, 2**40)
paths = st.from_regex(r"[a-z]{1,6}(/[a-zA-Z0-9_]{1,6}){0,2}\.bin", fullmatch=True)
archives = st.fixed_dictionaries(
    {
        "registry": st.sampled_from(["pypi", "npm"]),
        "package": names,
        "version": st.just("1.2.3"),
        "size": sizes,
        "sha256": digests,
    }
)


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, Any]:
    known = draw(st.dictionaries(names, archives, min_size=1, max_size=3))
    parts = st.fixed_dictionaries(
        {"archive": st.sampled_from(sorted(known)), "member": st.just("x/{path}")}
    )
    source = st.one_of(
        st.just({"from": "hub", "repo": "some/where", "revision": "a" * 40}),
        st.just({"from": "url", "url": "https://example.test/{path}"}),
        st.fixed_dictionaries(
            {"from": st.just("archive"), "parts": st.lists(parts, min_size=1, max_size=3)}
        ),
    )
    unique = draw(st.lists(paths, unique_by=str.casefold, min_size=1, max_size=4))
    files = [{"path": path, "size": draw(sizes), "sha256": draw(digests)} for path in unique]
    group = {"sources": draw(st.lists(source, min_size=1, max_size=3)), "files": files}
    model = {
        "kind": draw(st.sampled_from(["dialogue", "speech", "recognition"])),
        "licence": draw(words),
        "description": draw(words),
        "groups": [group],
    }
    return {"archives": known, "models": {draw(names): model}}


@settings(deadline=None)
@given(catalogs())
def test_what_a_catalog_says_is_what_is_read(value: dict[str, Any]) -> None:
    catalog = parse_catalog(document(value), "catalog.toml")
    again = json.loads(msgspec.json.encode(catalog))
    for source in (s for m in again["models"].values() for g in m["groups"] for s in g["sources"]):
        if source["from"] == "hub":
            assert source.pop("path") == "{path}"
    assert again == value


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every table in a document, as the keys that lead to it."""
    if isinstance(value, dict):
        return [at] + [place for key in value for place in places(value[key], (*at, key))]
    if isinstance(value, list):
        return [place for i, entry in enumerate(value) for place in places(entry, (*at, i))]
    return []


@settings(deadline=None)
@given(catalogs(), st.data())
def test_an_unknown_key_is_refused_with_file_and_key(
    value: dict[str, Any], data: st.DataObject
) -> None:
    tables = [p for p in places(value) if p not in ((), ("models",), ("archives",))]
    place = data.draw(st.sampled_from(tables))
    table: Any = value
    for key in place:
        table = table[key]
    table["surplus"] = 1
    with pytest.raises(StoreError, match=r"^catalog\.toml: at `.*surplus|unknown field `surplus`"):
        parse_catalog(document(value), "catalog.toml")


def read(text: str) -> Catalog | str:
    try:
        return parse_catalog(text, "catalog.toml")
    except StoreError as error:
        return str(error)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_catalog_or_one_sentence(text: str) -> None:
    outcome = read(text)
    assert isinstance(outcome, Catalog) or outcome.startswith("catalog.toml: ")


def one_file(**changes: Any) -> str:
    file = {"path": "a.bin", "size": 1, "sha256": DIGEST} | changes
    source = {"from": "url", "url": "https://example.test/a"}
    groups = [{"sources": [source], "files": [file]}]
    model = {"kind": "speech", "licence": "MIT", "description": "", "groups": groups}
    return document({"models": {"some-model": model}})


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a/../../b", "a//b", "C:/a", "a\\b", ".", "", "a/", "x\x00y"]
)
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(StoreError, match=r"`models\.some-model\.groups\[0\]\.files\[0\]\.path`"):
        parse_catalog(one_file(path=path), "catalog.toml")


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"sha256": "abc"}, "sha256"), ({"size": 0}, "size"), ({"size": "1"}, "size")],
)
def test_a_broken_value_is_named_by_its_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(StoreError, match=rf"files\[0\]\.{key}`"):
        parse_catalog(one_file(**changes), "catalog.toml")


def test_a_part_of_an_archive_that_is_not_listed_is_refused() -> None:
    source = {"from": "archive", "parts": [{"archive": "nowhere", "member": "x"}]}
    text = one_file().replace('{"from" = "url", "url" = "https://example.test/a"}', toml(source))
    with pytest.raises(StoreError, match="`nowhere` is not among `archives`"):
        parse_catalog(text, "catalog.toml")


def test_a_name_that_looks_like_an_option_never_reaches_a_client() -> None:
    archive = {"registry": "pypi", "package": "--index-url=x", "version": "1", "size": 1}
    with pytest.raises(StoreError, match=r"archives\.a\.package"):
        parse_catalog(document({"archives": {"a": archive | {"sha256": DIGEST}}}), "catalog.toml")


def test_a_missing_catalog_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a readable UTF-8 catalog"):
        load_catalog(tmp_path / "none.toml")


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(StoreError, match=r"found `gpt`; the catalog has .*kokoro-82m"):
        load_catalog(SHIPPED).model("gpt")


def test_the_shipped_catalog_has_what_a_character_needs() -> None:
    catalog = load_catalog(SHIPPED)
    assert {model.kind for model in catalog.models.values()} >= {"dialogue", "speech"}
    voices = [f for f in catalog.model("kokoro-82m").files if f.path.startswith("voices/")]
    assert len(voices) == 54
    assert {voice.size for voice in voices} == {510 * 256 * 4}


def test_the_shipped_catalog_names_no_package_registry() -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", SHIPPED.read_text()))
    assert hosts <= {"github.com"}


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"])
def test_a_mind_comes_from_the_hub_first_and_from_wheels_where_it_cannot_be_reached(
    name: str,
) -> None:
    catalog = load_catalog(SHIPPED)
    [group] = catalog.model(name).groups
    hub, wheels = group.sources
    assert isinstance(hub, HubSource)
    assert isinstance(wheels, ArchiveSource)
    numbers = [re.findall(r"part(\d+)", part.archive)[-1] for part in wheels.parts]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert all(part.archive.replace("-", "_") in part.member for part in wheels.parts)


def test_every_mind_in_the_catalog_is_one_gguf_file_that_names_its_licence() -> None:
    minds = [each for each in load_catalog(SHIPPED).models.values() if each.kind == "dialogue"]
    assert len(minds) > 3
    for mind in minds:
        [file] = mind.files
        assert file.path.endswith(".gguf")
        assert mind.licence


TUNED = {"kind": "dialogue", "licence": "MIT", "description": "d"}
PLAIN = TUNED | {
    "groups": [
        {
            "sources": [{"from": "url", "url": "https://example.test/{path}"}],
            "files": [{"path": "a.gguf", "size": 1, "sha256": DIGEST}],
        }
    ]
}


def test_a_tuned_model_has_the_files_of_its_base_and_an_adapter_that_ships() -> None:
    catalog = load_catalog(SHIPPED)
    tuned = [each for each in catalog.models.values() if each.base]
    assert tuned
    for each in tuned:
        assert each.base is not None
        assert each.adapter is not None
        assert each.files == catalog.model(each.base).files
        adapter = open_adapter(SHIPPED.parent / "bundles" / each.adapter)
        assert adapter.config.base_sha256 == each.files[0].sha256


@pytest.mark.parametrize(
    "about",
    [
        TUNED,
        TUNED | {"base": "plain"},
        TUNED | {"adapter": "dialogue/mine"},
        TUNED | {"base": "none", "adapter": "dialogue/mine"},
        TUNED | {"base": "tuned", "adapter": "dialogue/mine"},
        TUNED | {"base": "plain", "adapter": "../mine"},
    ],
)
def test_a_tuned_model_names_a_base_with_files_and_an_adapter(about: dict[str, str]) -> None:
    models = {"plain": PLAIN, "tuned": about}
    with pytest.raises(StoreError, match=r"models\.tuned"):
        parse_catalog(document({"models": models}), "catalog.toml")
