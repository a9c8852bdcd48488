"""The Hugging Face hub: addresses, and a look at a file before it is fetched."""

import re
from urllib.parse import quote, urljoin, urlsplit

import httpx

from idol_runtime.store.catalog import HubSource, ModelFile
from idol_runtime.store.failures import SourceFailure, Unreachable, WrongFile

ENDPOINT = "https://huggingface.co"
"""The hub, unless HF_ENDPOINT names a mirror."""

_HOPS = 5


def hub_url(endpoint: str, source: HubSource, file: ModelFile) -> str:
    path = source.path.replace("{path}", file.path)
    return f"{endpoint.rstrip('/')}/{source.repo}/resolve/{source.revision}/{quote(path)}"


def check_offer(client: httpx.Client, url: str, file: ModelFile) -> None:
    """Compares what the hub says of a file with what the catalog expects.

    For large files the hub answers with `X-Linked-Etag` (their sha256) and `X-Linked-Size` before
    it redirects to the storage; small ones have neither and are checked after the transfer.

    Raises:
        WrongFile: the hub holds other bytes under this name.
        SourceFailure: the hub does not answer, or not with a file.
    """
    try:
        response = client.head(url, follow_redirects=False)
        for _ in range(_HOPS):
            # A renamed repository answers with a redirect first; the storage is not asked.
            if not response.is_redirect or "X-Linked-Etag" in response.headers:
                break
            target = urljoin(url, response.headers["Location"])
            if urlsplit(target).netloc != urlsplit(url).netloc:
                return
            url = target
            response = client.head(url, follow_redirects=False)
    except (httpx.ConnectError, httpx.TimeoutException, httpx.ProxyError) as error:
        host = urlsplit(url).hostname
        raise Unreachable(f"{host} cannot be reached ({error or type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceFailure(f"the hub's answer could not be read ({error})") from None
    if response.status_code >= 400:
        raise SourceFailure(f"the hub answers {response.status_code} {response.reason_phrase}")
    etag = response.headers.get("X-Linked-Etag", "").removeprefix("W/").strip('"')
    if re.fullmatch("[0-9a-f]{64}", etag) and etag != file.sha256:
        raise WrongFile(f"it holds sha256 {etag[:16]}... instead of {file.sha256[:16]}...")
    size = response.headers.get("X-Linked-Size", str(file.size))
    if size != str(file.size):
        raise WrongFile(f"it holds {size} bytes instead of {file.size}")
