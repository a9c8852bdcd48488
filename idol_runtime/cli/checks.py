"""What this machine has and what is wrong with it, each with what to do."""

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
from onnx import TensorProto, helper

from idol_runtime.character import Character, ModelNames
from idol_runtime.cli.findings import Finding, Level
from idol_runtime.errors import (
    CHECKOUT,
    BundleError,
    IdolError,
    ProviderError,
    install_command,
    pip_command,
)
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.store import Store
from idol_runtime.store.failures import free_bytes, size_text

PACKAGE = Path(__file__).parents[1]
KOKORO = ModelNames().speech
_COMFORTABLE_MEMORY = 3 << 30
"""Dialogue, speech and the stage together stay below this many bytes."""
_MIND_S = 3.0
"""How long another server may take to say what it has."""
_GROWTH = 3
"""Fetched, unpacked and converted, a model takes at most this many times its size."""
_EXTRAS = {
    "ja": ("Japanese speech", ("pyopenjtalk",)),
    "zh": ("Chinese speech", ("misaki", "jieba", "pypinyin", "cn2an", "ordered_set")),
}
"""Languages of Kokoro that need an extra, what for, and its modules."""
_IS_GPU_BUILD = sys.platform in ("linux", "win32") and platform.machine() in ("x86_64", "AMD64")
_RUNTIME = "onnxruntime-gpu" if _IS_GPU_BUILD else "onnxruntime"
"""The distribution that pyproject.toml asks for on this platform."""
_REINSTALL = f"`{pip_command('install', '--force-reinstall', '--no-deps', _RUNTIME)}`"
_AGAIN = f"Install it again: {_REINSTALL}."
_CUDA = f"Install its libraries with `{install_command('cuda')}`, or give --provider cpu."


def examine(
    store: Store,
    *,
    host: str,
    port: int,
    cast: Sequence[Character] = (),
    pull: str = "idol models pull",
) -> Iterator[Finding]:
    """Looks at everything; each finding comes when its check is done, the quick ones first.

    Args:
        store: Whose models are hashed; nothing is fetched.
        host: The address the server would listen on.
        port: The port it would take.
        cast: Who would live there.
        pull: The command that fetches into that store.
    """
    yield _python()
    yield Finding("platform", "ok", f"{platform.platform()}, {platform.machine()}")
    yield _cores()
    yield _memory()
    wanted = _wanted(store, cast)
    yield _disk(store, wanted)
    yield _runtime_distributions()
    yield from _providers()
    yield from _shipped_bundles()
    yield from _models(store, pull, wanted)
    yield from _http_minds(cast)
    yield _package_clients()
    yield from _languages(cast)
    yield _stage_page()
    yield _port(host, port)


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if (usable or 1) < 2:
        advice = "Two cores carry one character; expect late answers on one."
        return Finding("cores", "warn", f"{usable or 1}", advice)
    return Finding("cores", "ok", f"{usable}")


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "ok", "this system does not say")
    level: Level = "warn" if total < _COMFORTABLE_MEMORY else "ok"
    advice = "Close other programs; a character with its models takes up to 3 GB." * (level != "ok")
    return Finding("memory", level, f"{total / (1 << 30):.1f} GiB", advice)


def _wanted(store: Store, cast: Sequence[Character]) -> Set[str]:
    """The models that somebody uses; all, where nobody is known."""
    if not cast:
        return store.catalog.models.keys()
    shared = {name for name, each in store.catalog.models.items() if each.kind == "embedding"}
    return shared.union(*((each.models.dialogue, each.models.speech) for each in cast))


def _disk(store: Store, wanted: Set[str]) -> Finding:
    missing = sum(
        model.size for model in store.status() if model.present == 0 and model.name in wanted
    )
    free = free_bytes(store.home)
    found = f"{size_text(free)} free for {store.home}"
    existing = next(folder for folder in (store.home, *store.home.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        advice = "Set IDOL_HOME to a folder of your own."
        return Finding("disk", "error", f"{existing} is not writable", advice)
    if free < missing * _GROWTH:
        advice = (
            f"{size_text(missing * _GROWTH)} are needed to fetch and convert the models: make "
            "room, or set IDOL_HOME to a folder on a larger disk."
        )
        return Finding("disk", "error", found, advice)
    return Finding("disk", "ok", found)


def _runtime_distributions() -> Finding:
    names = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
    installed = {}
    for name in names:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found = ", ".join(f"{name} {version}" for name, version in installed.items()) or "none"
    if len(installed) > 1:
        away = pip_command("uninstall", "--yes", *installed)
        advice = f"They overwrite each other's files: `{away}`, then {_REINSTALL}."
        return Finding("onnxruntime", "error", found, advice)
    if not installed:
        return Finding("onnxruntime", "error", found, f"Install it: {_REINSTALL}.")
    return Finding("onnxruntime", "ok", found)


def _providers() -> Iterator[Finding]:
    try:  # the one import that a broken installation breaks
        from idol_runtime.inference.session import cuda_problem
    except ImportError as error:
        yield Finding("cpu", "error", f"ONNX Runtime does not load: {error}", _AGAIN)
        return
    yield _run_on("cpu")
    problem = cuda_problem()
    if problem is None:
        yield _run_on("cuda")
    else:
        yield Finding("cuda", "ok", f"not used: {problem.rstrip('.')}")


def _run_on(provider: Literal["cpu", "cuda"]) -> Finding:
    """Runs one product of matrices; `OnnxSession` itself asks what it really runs on."""
    from idol_runtime.inference.session import OnnxSession

    size = 16
    square = [size, size]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "x"], ["y"])],
        "doctor",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, square)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, square)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    try:
        session = OnnxSession(model.SerializeToString(), provider=provider)
        product = session.run({"x": np.full(square, 0.5, np.float32)})["y"]
    except ProviderError:
        found = "the driver is there, but ONNX Runtime cannot load its CUDA libraries"
        return Finding(provider, "error", found, _CUDA)
    except IdolError as error:
        return Finding(provider, "error", str(error), _AGAIN)
    except Exception as error:  # ONNX Runtime's exceptions share no public base class
        found = f"a session opens but does not run: {str(error).splitlines()[0]}"
        return Finding(provider, "error", found, "Give --provider cpu and update the driver.")
    if not np.allclose(product, size * 0.25, atol=1e-3):
        found = "a product of matrices came out wrong"
        return Finding(provider, "error", found, "Give --provider cpu and update the driver.")
    return Finding(provider, "ok", f"runs on {session.ort.get_providers()[0]}")


def _shipped_bundles() -> Iterator[Finding]:
    for kind in ("face", "pose"):
        try:
            bundle = open_bundle(PACKAGE / "bundles" / kind, kind)
        except BundleError as error:
            advice = "Install the wheel of idol_runtime again."
            if (CHECKOUT / ".git").exists():
                folder = shlex.quote(str(CHECKOUT))
                advice = f"`git -C {folder} checkout -- idol_runtime/bundles` brings them back."
            yield Finding(f"{kind} bundle", "error", str(error), advice)
        else:
            yield Finding(f"{kind} bundle", "ok", f"{bundle.manifest.name}, every hash is right")


def _models(store: Store, pull_command: str, wanted: Set[str]) -> Iterator[Finding]:
    """What the cast uses, and whatever else is here; the rest of the catalog is for `list`."""
    for model in store.status():
        check = f"model {model.name}"
        pull = f"`{pull_command} {model.name}`"
        if model.state == "missing":
            if model.name in wanted:
                found = f"not fetched ({size_text(model.size)}, {model.kind})"
                advice = f"{pull} fetches it; so does the first start."
                yield Finding(check, "warn", found, advice)
            continue
        problems = store.verify(model.name)
        if model.state == "partial":
            found = f"{size_text(model.present)} of {size_text(model.size)} are there"
            yield Finding(check, "warn", found, f"{pull} resumes.")
        elif problems:
            yield Finding(check, "error", problems[0].message, f"{pull} fetches it again.")
        else:
            yield Finding(check, "ok", f"{size_text(model.size)}, every hash is right")


def _http_minds(cast: Sequence[Character]) -> Iterator[Finding]:
    """Whether the servers that give words to somebody are there."""
    for url in sorted({each.models.http.url for each in cast} - {""}):
        try:
            answer = httpx.get(f"{url}/models", timeout=_MIND_S)
            names = [str(each["id"]) for each in answer.json()["data"]]
        except httpx.HTTPError as error:
            found = f"does not answer ({error or type(error).__name__})"
            advice = "Start it, or mend the address in character.toml."
            yield Finding(f"mind {url}", "warn", found, advice)
        except (ValueError, KeyError, TypeError):
            yield Finding(f"mind {url}", "ok", f"answers {answer.status_code}, lists no models")
        else:
            yield Finding(f"mind {url}", "ok", f"answers, with {', '.join(names[:4])}")


def _package_clients() -> Finding:
    absent = [] if importlib.util.find_spec("pip") else ["pip"]
    absent += [] if shutil.which("npm") else ["npm"]
    if absent:
        advice = "Only needed to fetch models where the Hugging Face hub cannot be reached."
        return Finding("package clients", "warn", f"no {' and no '.join(absent)}", advice)
    return Finding("package clients", "ok", "pip and npm, for models the hub cannot give")


def _languages(cast: Sequence[Character]) -> Iterator[Finding]:
    for extra, (what, modules) in _EXTRAS.items():
        speakers = [
            each.name
            for each in cast
            if each.language.lower().split("-")[0] == extra and each.models.speech == KOKORO
        ]
        if not any(importlib.util.find_spec(name) is None for name in modules):
            yield Finding(what, "ok", "installed")
        elif speakers:
            found = f"not installed, and {' and '.join(speakers)} cannot speak without"
            yield Finding(what, "error", found, f"`{install_command(extra)}` brings it.")
        else:
            how = f"not installed; `{install_command(extra)}` brings it"
            yield Finding(what, "ok", how)


def _stage_page() -> Finding:
    vendor = PACKAGE / "web" / "vendor"
    if not vendor.is_dir() or not any(path.suffix == ".js" for path in vendor.rglob("*.js")):
        again = f"rm -r {shlex.quote(str(vendor))}; " if vendor.exists() else ""
        advice = f"`{again}make -C {shlex.quote(str(CHECKOUT))} setup` (needs Node.js with npm)."
        return Finding("stage page", "error", f"{vendor} has no three.js", advice)
    return Finding("stage page", "ok", "three.js and three-vrm are in place")


def _port(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # as the server does: a port in TIME_WAIT is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            found = f"{host}:{port} cannot be taken ({error.strerror or error})"
            return Finding("port", "warn", found, "Stop what uses it, or give --port another.")
    return Finding("port", "ok", f"{host}:{port} is free")
