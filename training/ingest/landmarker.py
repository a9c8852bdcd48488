"""MediaPipe's landmarkers: of a face 51 ARKit weights and a head pose, of a body 33 points.

The face's weights come with `_neutral` first, in an order of their own and without tongueOut;
cheekPuff stays near zero whatever the cheeks do. The pose matrix turns a face that looks along +Z,
X to its left and Y up, as a camera sees it: the project's own convention.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.ingest.needed import needed

UNSEEN: Final = ("tongueOut", "cheekPuff")
SEEN: Final = tuple(name for name in ARKIT_BLENDSHAPES if name not in UNSEEN)
BODY_POINTS: Final = 33
# Since 1.0 MediaPipe reports usage numbers (never pictures) to its maker. Films of people are
# read here: a proxy that refuses every connection keeps the process to itself.
_CLOSED_PROXY: Final = {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


class SeenFace(NamedTuple):
    weights: NDArray[np.float64]
    """[50] in `SEEN` order, each in [0, 1]."""
    pose: NDArray[np.float64]
    """[4, 4], face to camera."""


class SeenBody(NamedTuple):
    points_m: NDArray[np.float64]
    """[33, 3] from the middle of the hips: x to the picture's right, y up, z to the camera."""
    visible: NDArray[np.float64]
    """[33], how likely each point is in the picture and not hidden, in [0, 1]."""


class _OfOneFilm:
    """One of MediaPipe's tasks over the pictures of one film; a context manager."""

    def __init__(self, task: Path, kind: str, options: dict[str, Any]) -> None:
        purpose = "follow people in films"
        self._mediapipe = needed("mediapipe", purpose)
        vision = needed("mediapipe.tasks.python.vision", purpose)
        base = needed("mediapipe.tasks.python", purpose)
        self._proxies = {name: os.environ.get(name) for name in _CLOSED_PROXY}
        os.environ.update(_CLOSED_PROXY)
        try:
            self._landmarker = getattr(vision, f"{kind}Landmarker").create_from_options(
                getattr(vision, f"{kind}LandmarkerOptions")(
                    base_options=base.BaseOptions(model_asset_path=str(task)),
                    running_mode=vision.RunningMode.VIDEO,
                    **options,
                )
            )
        except (RuntimeError, ValueError, OSError) as error:
            self._restore_proxies()
            raise SystemExit(
                f"{task}: expected a {kind.lower()} landmarker task, but {error}."
            ) from None
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

    def _detect(self, picture: NDArray[np.uint8], time_s: float) -> Any:
        self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
        # MediaPipe ignores strides: a view would be read as garbage.
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
        )
        return self._landmarker.detect_for_video(image, self._last_ms)

    def _restore_proxies(self) -> None:
        for name, value in self._proxies.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Landmarker(_OfOneFilm):
    """Follows one face through the pictures of one film; a context manager."""

    def __init__(self, task: Path) -> None:
        options = {
            "output_face_blendshapes": True,
            "output_facial_transformation_matrixes": True,
            "num_faces": 1,
        }
        super().__init__(task, "Face", options)

    def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenFace | None:
        """The face in an RGB picture [height, width, 3]; times must not go back."""
        found = self._detect(picture, time_s)
        if not found.face_blendshapes or not found.facial_transformation_matrixes:
            return None
        return SeenFace(
            _by_name(found.face_blendshapes[0]),
            np.array(found.facial_transformation_matrixes[0], np.float64),
        )


class BodyLandmarker(_OfOneFilm):
    """Follows one body through the pictures of one film; a context manager."""

    def __init__(self, task: Path) -> None:
        super().__init__(task, "Pose", {"num_poses": 1})

    def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenBody | None:
        """The body in an RGB picture [height, width, 3]; times must not go back."""
        found = self._detect(picture, time_s)
        if not found.pose_world_landmarks:
            return None
        points = found.pose_world_landmarks[0]
        # The camera's own axes: y down, z away from it.
        return SeenBody(
            np.array([(point.x, -point.y, -point.z) for point in points], np.float64),
            np.array([point.visibility for point in points], np.float64),
        )


def _by_name(categories: Any) -> NDArray[np.float64]:
    scores = {each.category_name: each.score for each in categories}
    return np.array([scores[name] for name in SEEN], np.float64)
