"""One file over HTTP: resumed where it stopped, kept only when its bytes are the expected ones."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from idol_runtime.inference.bundle import sha256_of
from idol_runtime.store.failures import SourceFailure, Unreachable, WrongFile, size_text

ATTEMPTS: Final = 4
"""Tries without one new byte before a source is given up."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=4.0)
"""A place that does not answer a connection within four seconds is passed over."""


class _Interrupted(Exception):
    """The transfer stopped early; asking for the rest may work."""


def open_client() -> httpx.Client:
    return httpx.Client(follow_redirects=True, timeout=TIMEOUT)


def download(
    client: httpx.Client,
    url: str,
    part: Path,
    *,
    size: int,
    sha256: str,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Completes `part` from `url`; bytes that are there already are not fetched again.

    Args:
        client: Follows redirects.
        url: `http:`, `https:` or `file:`.
        part: Named for its content, so that another source may have begun it.
        size: Expected bytes.
        sha256: Expected digest.
        progress: Called with the bytes in `part` after each piece.
        sleep: Waits between tries.

    Raises:
        Unreachable: nobody answers at that address.
        WrongFile: the source's bytes differ from the expected ones; `part` is removed.
        SourceFailure: the source refuses, or stops too often.
        OSError: the disk refuses.
    """
    resumed = bytes_in(part) > 0
    _complete(client, url, part, size, progress, sleep)
    if sha256_of(part) == sha256:
        return
    part.unlink()
    if not resumed:
        raise WrongFile(f"it gave {size} bytes with another sha256 than {sha256[:16]}...")
    # An earlier beginning may have been the damaged piece: this source gets one clean try.
    _complete(client, url, part, size, progress, sleep)
    if (found := sha256_of(part)) != sha256:
        part.unlink()
        raise WrongFile(f"it gave sha256 {found[:16]}... instead of {sha256[:16]}...")


def bytes_in(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _complete(
    client: httpx.Client,
    url: str,
    part: Path,
    size: int,
    progress: Callable[[int], None],
    sleep: Callable[[float], None],
) -> None:
    if bytes_in(part) > size:
        part.unlink()
    if url.startswith("file:"):
        _copy(Path(url2pathname(urlsplit(url).path)), part, size)
    if bytes_in(part) == size:
        progress(size)
    fruitless = 0
    while (before := bytes_in(part)) < size:
        try:
            _stream(client, url, part, size, progress)
            reason = "the transfer ended early"
        except _Interrupted as error:
            reason = str(error)
        have = bytes_in(part)
        fruitless = fruitless + 1 if have <= before else 0
        if fruitless == ATTEMPTS:
            raise SourceFailure(f"{reason} at {size_text(have)} of {size_text(size)}")
        if have < size:
            sleep(0.5 * 2**fruitless)


def _copy(source: Path, part: Path, size: int) -> None:
    if not source.is_file():
        raise SourceFailure(f"{source} is not a file")
    if (found := source.stat().st_size) != size:
        raise WrongFile(f"{source} has {found} bytes instead of {size}")
    shutil.copyfile(source, part)


def _stream(
    client: httpx.Client, url: str, part: Path, size: int, progress: Callable[[int], None]
) -> None:
    have = bytes_in(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with client.stream("GET", url, headers=headers) as response:
            start = _start_of(response, part, size)
            with part.open("ab" if start else "wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    progress(file.tell())
                    if file.tell() > size:
                        raise WrongFile(f"it gives more than the expected {size} bytes")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise Unreachable(
            f"{urlsplit(url).hostname} cannot be reached ({_reason(error)})"
        ) from None
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
        raise SourceFailure(f"the address does not work ({_reason(error)})") from None
    except httpx.HTTPError as error:
        raise _Interrupted(f"the connection broke ({_reason(error)})") from None


def _start_of(response: httpx.Response, part: Path, size: int) -> int:
    """The offset the body begins at, after the offer has been found to be the expected file."""
    status = response.status_code
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.unlink(missing_ok=True)
        raise _Interrupted("the server refused to resume")
    if status >= 500 or status == httpx.codes.TOO_MANY_REQUESTS:
        raise _Interrupted(f"the server answers {status}")
    if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise SourceFailure(f"the server answers {status} {response.reason_phrase}".rstrip())
    if status == httpx.codes.PARTIAL_CONTENT:
        found = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != bytes_in(part):
            part.unlink(missing_ok=True)
            raise _Interrupted("the server resumed at another place")
        _expect_size(found[2], size)
        return int(found[1])
    _expect_size(response.headers.get("Content-Length", "*"), size)
    return 0


def _expect_size(offered: str, size: int) -> None:
    if offered != "*" and int(offered) != size:
        raise WrongFile(f"it offers {offered} bytes instead of {size}")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
