"""Pictures of an avatar by the project's own page: three.js and three-vrm in a headless Chromium.

Software rendering is slow: one page draws many pictures, a few at a time.
"""

import base64
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS, POSE_BONES

Array: TypeAlias = NDArray[Any]

_RUNTIME: Final = Path(__file__).parents[2] / "idol_runtime"
WEB: Final = _RUNTIME / "web"
HOSHI: Final = _RUNTIME / "characters" / "hoshi" / "hoshi.vrm"
POSE: Final = 4 * len(POSE_BONES) + 3
_WEIGHTS: Final = len(ARKIT_BLENDSHAPES)
_ORIGIN: Final = "http://pictures.localhost/"
_FLAGS: Final = (
    "--no-sandbox", "--disable-dev-shm-usage", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".vrm": "model/gltf-binary"}
_AT_ONCE: Final = 8


class PicturesUnavailableError(Exception):
    """No picture can be drawn here; the message says what is missing and how to get it."""


class AvatarFrame(NamedTuple):
    """A moment of an avatar; what is None rests."""

    face: Array | None = None
    """[52] weights, or [59] in `FACE_CHANNELS` order, whose angles turn the head."""
    pose: Array | None = None
    """[91], as on the wire: a quaternion (x, y, z, w) a bone, then the hips' way in metres."""


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands and how large its picture is."""

    width: int
    height: int
    distance: float
    """Metres from the target."""
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Metres; a height below 0 is under the eyes."""
    yaw: float = 0.0
    """Degrees; 0 looks at the face, positive walks round to the character's left."""
    pitch: float = 0.0
    """Degrees that it looks down."""
    fov: float = 20.0
    """Degrees, from the picture's bottom to its top."""
    follow: bool = False
    """Goes with the hips."""
    floor: bool = False


Part: TypeAlias = Literal["face", "mouth", "body"]
FRONT: Final = View(200, 300, 5.5, (0.0, 0.88, 0.0), follow=True, floor=True)
THREE_QUARTER: Final = View(
    200, 300, 5.5, (0.0, 0.88, 0.0), yaw=40.0, pitch=12.0, follow=True, floor=True
)
VIEWS: Final[dict[Part, View]] = {
    "face": View(200, 200, 0.56, (0.0, -0.03, 0.0)),
    "mouth": View(200, 200, 0.34, (0.0, -0.06, 0.0)),
    "body": FRONT,
}


class AvatarPage:
    """An open page with an avatar on it."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def draw(
        self, frames: Iterable[AvatarFrame], view: View, *, step_s: float = 0.0
    ) -> Iterator[Image.Image]:
        """RGB pictures of frames.

        With a step of 0 each frame stands for itself, hair and clothes at rest: the same frame
        gives the same picture. Frames `step_s` apart swing them from one to the next; the first
        begins at rest.

        Raises:
            ValueError: a frame of another shape.
        """
        stream = {"channels": list(ARKIT_BLENDSHAPES), "bones": list(POSE_BONES), "step": step_s}
        rest = enumerate(frames)
        while part := [_as_json(each) | {"first": k == 0} for k, each in islice(rest, _AT_ONCE)]:
            command = "([frames, view, stream]) => window.pictures.draw(frames, view, stream)"
            for url in self._page.evaluate(command, [part, asdict(view), stream]):
                png = base64.b64decode(url.partition(",")[2])
                yield Image.open(io.BytesIO(png)).convert("RGB")


@contextmanager
def open_avatar(avatar: Path = HOSHI) -> Iterator[AvatarPage]:
    """A page in a Chromium of its own with a VRM on it.

    Raises:
        PicturesUnavailableError: Chromium, playwright, three.js or the avatar is missing, or the
            avatar is no VRM.
    """
    if not (WEB / "vendor" / "three").is_dir():
        raise PicturesUnavailableError(
            "idol_runtime/web/vendor: expected three.js there, found none; run `make setup`."
        )
    if not avatar.is_file():
        raise PicturesUnavailableError(f"{avatar}: expected a VRM file, found none.")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise PicturesUnavailableError(
            "Expected the browser `chromium` to draw pictures with, found none; install it (Debian "
            "and Ubuntu: `apt install chromium`)."
        )
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise PicturesUnavailableError(
            "Expected the package `playwright` to draw pictures with, found none; install it with "
            "`pip install -e '.[pictures]'`."
        ) from None
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=list(_FLAGS))
            page = browser.new_page()
            page.set_default_timeout(120_000)
            page.route("**/*", lambda route: _answer(route, avatar))
            page.goto(_ORIGIN)
            page.wait_for_function("window.pictures")
            page.evaluate("window.pictures.load('avatar.vrm')")
            yield AvatarPage(page)
            browser.close()
    except Error as error:
        problem = error.message.splitlines()[0]
        raise PicturesUnavailableError(f"{avatar.name}: no picture of it: {problem}") from None


def pose_frames(local: Array, hips_m: Array) -> Array:
    """[T, 91] of local rotations [T, 22, 3, 3] and the hips' way [T, 3] in metres."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_matrix(np.asarray(local, np.float64).reshape(-1, 3, 3)).as_quat()
    return np.concatenate([turns.reshape(len(local), -1), hips_m], axis=1)


def _answer(route: Any, avatar: Path) -> None:
    """Files of the page, of the stage page and the avatar; nothing else exists."""
    name = route.request.url.removeprefix(_ORIGIN).partition("?")[0] or "page.html"
    inside, _, below = name.partition("/")
    path = WEB / below if inside == "web" else Path(__file__).parent / name
    path = avatar if name == "avatar.vrm" else path
    if ".." in name or not path.is_file():
        route.fulfill(status=404)
    else:
        kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        route.fulfill(body=path.read_bytes(), content_type=kind)


def _as_json(frame: AvatarFrame) -> dict[str, Any]:
    face, pose = (None if part is None else np.asarray(part, float).ravel() for part in frame)
    sizes: Sequence[tuple[str, Array | None, tuple[int, ...]]] = (
        ("face", face, (_WEIGHTS, len(FACE_CHANNELS))), ("pose", pose, (POSE,)),
    )  # fmt: skip
    for name, part, allowed in sizes:
        if part is not None and len(part) not in allowed:
            wanted = " or ".join(map(str, allowed))
            raise ValueError(f"Expected a {name} of {wanted} numbers, found {len(part)}.")
    angles = None if face is None or len(face) == _WEIGHTS else face[_WEIGHTS : _WEIGHTS + 3]
    return {
        "face": None if face is None else face[:_WEIGHTS].tolist(),
        # A pose holds its own head.
        "head": None if pose is not None or angles is None else angles.tolist(),
        "pose": None if pose is None else pose.tolist(),
    }
