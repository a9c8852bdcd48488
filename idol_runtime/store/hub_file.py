"""A file of the Hugging Face hub that no catalog names: looked at, then fetched."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import httpx

from idol_runtime.errors import InputError, StoreError
from idol_runtime.store.display import Display
from idol_runtime.store.download import download, open_client
from idol_runtime.store.failures import SourceFailure, disk_errors, require_space, size_text
from idol_runtime.store.hub import ENDPOINT

SCHEME: Final = "hf://"
_FORM: Final = re.compile(r"hf://([\w.-]+/[\w.-]+)/([^@]+?)(?:@([\w./-]+))?")
_NEEDED: Final = 2.5
"""A file and what is made of it, in sizes of the file."""


@dataclass(frozen=True, slots=True)
class HubAddress:
    """`hf://OWNER/REPO/PATH`, with `@REVISION` where that is not `main`."""

    repo: str
    path: str
    revision: str = "main"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InputError for what is no such address."""
        found = _FORM.fullmatch(text)
        if not found or ".." in found[2].split("/"):
            raise InputError(
                f"{text}: expected hf://OWNER/REPO/FILE.gguf, with @REVISION behind it if it is "
                "not `main` that you mean."
            )
        return cls(found[1], found[2], found[3] or "main")

    def __str__(self) -> str:
        behind = "" if self.revision == "main" else f"@{self.revision}"
        return f"{SCHEME}{self.repo}/{self.path}{behind}"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class HubFile:
    """What the hub says of a file."""

    address: HubAddress
    url: str
    """At one commit, whatever the revision's name means tomorrow."""
    size: int
    sha256: str


class Hub:
    """One hub, or a mirror of it, with the token of one user."""

    def __init__(
        self,
        client: httpx.Client,
        endpoint: str = ENDPOINT,
        token: str = "",
    ) -> None:
        """`token` goes to the hub alone; the storage that it redirects to gets none."""
        self._client, self._endpoint = client, endpoint.rstrip("/")
        if token:
            client.headers["Authorization"] = f"Bearer {token}"
        self._has_token = bool(token)

    def file(self, address: HubAddress) -> HubFile:
        """Asks for size, hash and commit.

        Raises:
            StoreError: the hub cannot be reached, has no such file, or keeps it from this user.
        """
        url = self._url(address, address.revision)
        try:
            answer = self._client.head(url, follow_redirects=False)
            if answer.is_redirect and "X-Linked-Etag" not in answer.headers:  # it was renamed
                answer = self._client.head(
                    str(answer.url.join(answer.headers["Location"])), follow_redirects=False
                )
        except (httpx.HTTPError, httpx.InvalidURL, KeyError) as error:
            raise StoreError(
                f"{address}: expected the hub to answer at {self._endpoint}, but "
                f"{error or type(error).__name__}; check the network, or name a mirror in "
                "HF_ENDPOINT."
            ) from None
        if answer.status_code >= 400:
            raise self._refusal(address, answer)
        sha256 = answer.headers.get("X-Linked-Etag", "").removeprefix("W/").strip('"')
        size = answer.headers.get("X-Linked-Size", "")
        if not re.fullmatch("[0-9a-f]{64}", sha256) or not size.isdigit():
            raise StoreError(
                f"{address}: expected a large file, found one that the hub tells no hash of; name "
                "the GGUF file itself."
            )
        commit = answer.headers.get("X-Repo-Commit", address.revision)
        return HubFile(address, self._url(address, commit), int(size), sha256)

    def beginning(self, file: HubFile, size: int) -> bytes:
        """The first bytes of a file, at most `size`.

        Raises:
            StoreError: the hub stops answering.
        """
        data = b""
        headers = {"Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}
        try:
            with self._client.stream("GET", file.url, headers=headers) as answer:
                if answer.status_code >= 400:
                    raise self._refusal(file.address, answer)
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) >= size:  # from a server that knows no ranges
                        break
        except httpx.HTTPError as error:
            raise StoreError(
                f"{file.address}: expected its beginning, but {error or type(error).__name__}; try "
                "again."
            ) from None
        return data[:size]

    def fetch(self, file: HubFile, home: Path, display: Display) -> Path:
        """The whole file, below `home`; one that was begun before is completed.

        Raises:
            StoreError: it cannot be had, or the disk is full.
        """
        folder = home / "downloads" / file.sha256[:16]
        part, whole = folder / f"{file.sha256}.part", folder / file.address.name
        with disk_errors(home, file.size):
            folder.mkdir(parents=True, exist_ok=True)
            if whole.exists():
                return whole
            have = part.stat().st_size if part.exists() else 0
            require_space(home, int(_NEEDED * file.size) - have)

            def show(done: int) -> None:
                display.fetching(file.address.name, done, file.size)

            try:
                download(
                    self._client, file.url, part, size=file.size, sha256=file.sha256, progress=show
                )
            except SourceFailure as error:
                raise StoreError(
                    f"{file.address}: {error}; what came so far is kept: run the command again, "
                    "and it goes on from there."
                ) from None
            part.replace(whole)
        return whole

    def _url(self, address: HubAddress, revision: str) -> str:
        place = f"{quote(revision, safe='')}/{quote(address.path)}"
        return f"{self._endpoint}/{address.repo}/resolve/{place}"

    def _refusal(self, address: HubAddress, answer: httpx.Response) -> StoreError:
        reason = answer.headers.get("X-Error-Code", "")
        if answer.status_code in (401, 403):
            page = f"{self._endpoint}/{address.repo}"
            if self._has_token:
                how = f"accept its terms at {page} with the account of your token in HF_TOKEN"
            else:
                how = f"accept its terms at {page} and put a token of yours into HF_TOKEN"
            gated = "a gated repository" if reason == "GatedRepo" else "one that is gated, or none"
            return StoreError(f"{address}: expected an open repository, found {gated}; {how}.")
        if answer.status_code == 404:
            what = {"RevisionNotFound": "revision", "RepoNotFound": "repository"}.get(
                reason, "file"
            )
            return StoreError(
                f"{address}: the hub has no such {what}; look at {self._endpoint}/{address.repo}."
            )
        return StoreError(
            f"{address}: expected the file, found status {answer.status_code} from the hub; try "
            "again later."
        )


@contextlib.contextmanager
def open_hub(*, connect: Callable[[], httpx.Client] = open_client) -> Iterator[Hub]:
    """The hub, mirror and token that the environment names."""
    with connect() as client:
        endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
        yield Hub(client, endpoint, os.environ.get("HF_TOKEN", ""))


def told(file: HubFile) -> str:
    """A line for whoever waits."""
    return f"{file.address}: {size_text(file.size)}, sha256 {file.sha256[:16]}..."
