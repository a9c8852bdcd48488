"""The model store: what the catalog names, fetched once into the user's cache and verified."""

from idol_runtime.store.catalog import Catalog, Model, load_catalog
from idol_runtime.store.contents import ImportedBundle, ModelStatus, Problem
from idol_runtime.store.defaults import default_home, default_store
from idol_runtime.store.display import Display, display_for
from idol_runtime.store.store import Store

__all__ = [
    "Catalog",
    "Display",
    "ImportedBundle",
    "Model",
    "ModelStatus",
    "Problem",
    "Store",
    "default_home",
    "default_store",
    "display_for",
    "load_catalog",
]
