"""Models of the hub: what cannot be used says so before it is fetched."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idol_runtime.dialogue.gguf_header import GgufDamageError, GgufHeader, GgufTruncatedError
from idol_runtime.dialogue.importer import check_gguf
from idol_runtime.errors import InputError, StoreError
from idol_runtime.store import Store
from idol_runtime.store.hub_file import Hub, HubAddress, HubFile, open_hub, told

FIRST_BYTES = 1 << 20


@contextmanager
def fetched_gguf(store: Store, text: str) -> Iterator[Path]:
    """A GGUF file of the hub on disk, for as long as the block takes.

    Where the block fails it stays, so that another try needs no network.

    Raises:
        InputError: it is no address, or no model that can be used.
        StoreError: the file cannot be had, or the network is off.
    """
    address = HubAddress.parse(text)
    if store.offline:
        raise StoreError(f"{address}: expected a network, but it is off; fetch the file elsewhere.")
    with open_hub() as hub:
        file = hub.file(address)
        store.display.note(told(file))
        _check_beginning(hub, file)
        path = hub.fetch(file, store.home, store.display)
    yield path
    path.unlink()
    path.parent.rmdir()


def _check_beginning(hub: Hub, file: HubFile) -> None:
    """Reads the header alone, and refuses what an import would refuse."""
    beginning, wanted = b"", FIRST_BYTES
    while True:
        beginning = hub.beginning(file, min(wanted, file.size))
        if beginning[:4] != b"GGUF":
            raise InputError(f"{file.address}: expected a GGUF file, found another kind.")
        try:
            GgufHeader(beginning)
            break
        except GgufTruncatedError:
            if len(beginning) >= file.size:
                raise InputError(f"{file.address}: expected a whole GGUF header.") from None
            wanted *= 4
        except GgufDamageError as error:
            raise InputError(
                f"{file.address}: expected a whole GGUF file, found {error}."
            ) from None
    with tempfile.TemporaryDirectory() as folder:
        stand_in = Path(folder) / file.address.name
        with stand_in.open("wb") as opened:
            opened.write(beginning)
            opened.truncate(file.size)  # weights that nobody looks at yet
        try:
            check_gguf(stand_in)
        except InputError as error:
            raise InputError(str(error).replace(str(stand_in), str(file.address))) from None
