"""The file server that stands in for the hub is that of the store's tests."""

from tests.store.conftest import no_hub, recorder, server, small_disk

__all__ = ["no_hub", "recorder", "server", "small_disk"]
