"""`idol models list`: what there is, how fast it is here, and what fits this machine."""

from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from idol_runtime.engine.model_files import converted_key
from idol_runtime.store import ImportedBundle, ModelStatus, Store
from idol_runtime.store.failures import size_text
from idol_runtime.store.speed import Speed, fits, memory_needed, recall_speed

_STATES = {
    "ready": "[green]ready[/green]",
    "unverified": "[yellow]not verified[/yellow]",
    "partial": "[yellow]incomplete[/yellow]",
    "missing": "not fetched",
}


class Listed(msgspec.Struct, frozen=True):
    """What the list says of a dialogue model beside its state."""

    memory_bytes: int
    is_measured: bool
    fits: bool
    tokens_per_s: float | None = None
    read_tokens_per_s: float | None = None


def listed(store: Store, model: ModelStatus | ImportedBundle) -> Listed | None:
    """None for what writes no replies."""
    if model.kind != "dialogue":
        return None
    if isinstance(model, ImportedBundle):
        return _listed(recall_speed(model.folder), model.size + memory_needed("", 0))
    [file] = store.catalog.model(model.name).files
    speed = recall_speed(store.derived_folder(model.name, converted_key(store, model.name)))
    return _listed(speed, memory_needed(file.path, file.size))


def _listed(speed: Speed | None, needed: int) -> Listed:
    if speed is None:
        return Listed(needed, is_measured=False, fits=fits(needed))
    memory = speed.memory_bytes
    return Listed(
        memory,
        is_measured=True,
        fits=fits(memory),
        tokens_per_s=speed.tokens_per_s,
        read_tokens_per_s=speed.read_tokens_per_s,
    )


def for_machines(store: Store) -> dict[str, Any]:
    return {
        "home": store.home,
        "models": [_with(store, each) for each in store.status()],
        "imported": [_with(store, each) for each in store.bundles()],
    }


def _with(store: Store, model: ModelStatus | ImportedBundle) -> dict[str, Any]:
    about = listed(store, model)
    return msgspec.structs.asdict(model) | ({} if about is None else {"here": about})


def print_list(store: Store, console: Console) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", ratio=1, overflow="fold")
    for header in ("for", "size", "state", "here"):
        table.add_column(header, no_wrap=True)
    for model in store.status():
        state = _STATES[model.state]
        if model.state == "partial":
            state += f" ({size_text(model.present)})"
        about = escape(f"{model.description} {model.licence}.")
        name = f"[bold]{model.name}[/bold]\n[dim]{about}[/dim]"
        table.add_row(name, model.kind, size_text(model.size), state, _here(store, model))
    for bundle in store.bundles():
        name = f"[bold]{escape(bundle.name)}[/bold]\n[dim]{escape(str(bundle.folder))}[/dim]"
        state, here = "[green]imported[/green]", _here(store, bundle)
        table.add_row(name, bundle.kind, size_text(bundle.size), state, here)
    console.print(table)
    home = f"in {store.home}"
    console.print(home, highlight=False, markup=False, soft_wrap=True)


def _here(store: Store, model: ModelStatus | ImportedBundle) -> str:
    about = listed(store, model)
    if about is None:
        return ""
    if not about.fits:
        return f"[red]too large[/red]\n[dim]{_memory(about)}[/dim]"
    speed = f"{about.tokens_per_s:g} tokens/s" if about.tokens_per_s is not None else "fits"
    return f"[green]{speed}[/green]\n[dim]{_memory(about)}[/dim]"


def _memory(about: Listed) -> str:
    return f"{'' if about.is_measured else 'about '}{size_text(about.memory_bytes)} of memory"


def told_speed(name: str, speed: Speed) -> str:
    """A line for whoever had it measured."""
    beyond = "" if fits(speed.memory_bytes) else "; that is too much for this machine"
    return (
        f"{name}: {speed.tokens_per_s:g} tokens a second here, {size_text(speed.memory_bytes)} of "
        f"memory{beyond}"
    )
