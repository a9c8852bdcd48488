"""The 52 ARKit blendshapes as displacement fields over the front view of the face.

A field says how far any point of the face moves at weight 1, so that skin, lashes, brows and the
inside of the mouth move together. Fields are in the head's coordinates, metres.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.avatar.geometry import Floats, falloff, smoothstep
from export.avatar.head import HeadShape
from idol_protocol.channels import ARKIT_BLENDSHAPES


@dataclass(frozen=True, slots=True, eq=False)
class FacePoints:
    """Points of the face at rest."""

    position: Floats
    """Shape (n, 3)."""
    lower: Floats
    """Shape (n,): 1 moves with the jaw, 0 stays with the skull, between is stretched skin."""
    follows_lids: bool = True

    @property
    def x(self) -> Floats:
        return self.position[:, 0]

    @property
    def y(self) -> Floats:
        return self.position[:, 1]

    @property
    def z(self) -> Floats:
        return self.position[:, 2]


def jaw_share(shape: HeadShape, p: Floats) -> Floats:
    """`FacePoints.lower` of the skin: a hard edge between the lips, soft in the cheeks."""
    mouth = shape.mouth
    beyond = np.maximum(np.abs(p[:, 0]) - mouth.half_width * 0.97, 0)
    soft = 0.00012 + 1.5 * beyond
    below = (mouth.line(p[:, 0]) - p[:, 1]) / soft
    return smoothstep(-1.0, 1.0, below) * smoothstep(-0.03, 0.045, p[:, 2])


@dataclass(frozen=True, slots=True)
class FaceFields:
    shape: HeadShape

    def displacement(self, name: str, points: FacePoints) -> Floats:
        """Shape (n, 3). `name` is one of `ARKIT_BLENDSHAPES`."""
        for ending, side in (("Left", 1.0), ("Right", -1.0)):
            stem = name.removesuffix(ending)
            if stem != name and stem in _SIDED:
                return _SIDED[stem](self, points, side)
        return _CENTRAL[name](self, points)

    # What several fields share.

    def _bell(self, p: FacePoints, x: float, y: float, rx: float, ry: float) -> Floats:
        return falloff(p.x, x, rx) * falloff(p.y, y, ry) * smoothstep(-0.02, 0.03, p.z)

    def _mouth(self, p: FacePoints, rx: float = 0.030, ry: float = 0.020) -> Floats:
        return self._bell(p, 0.0, self.shape.mouth.y, rx, ry)

    def _corner(self, p: FacePoints, side: float, r: float = 0.0125) -> Floats:
        return self._bell(p, side * self.shape.mouth.half_width, self.shape.mouth.y, r, r)

    def _bow(self, p: FacePoints, side: float = 0.0) -> Floats:
        """1 in the middle of the lips (of one side's half), 0 at the corners and beyond."""
        u = p.x / self.shape.mouth.half_width
        whole = np.sqrt(np.clip(1 - u**2, 0, 1))
        if side:
            whole = whole * smoothstep(-0.35, 0.55, u * side)
        return np.asarray(whole * falloff(p.y, self.shape.mouth.y, 0.016))

    def _lids(self, p: FacePoints, side: float, upper: float, lower: float) -> Floats:
        """Upper lid closes by `upper` and lower lid rises by `lower` (1 = until they meet)."""
        eye = self.shape.eye
        delta = np.zeros_like(p.position)
        if not p.follows_lids:
            return delta
        u = eye.across(p.x)
        here = (p.x * side > 0) & (np.abs(u) < 1) & (p.z > 0.02)
        up, low = eye.upper_lid(u), eye.lower_lid(u)
        middle = (up + low) / 2
        above = 1 - smoothstep(0.0, 0.0125, p.y - up)
        below = 1 - smoothstep(0.0, 0.0085, low - p.y)
        meet = eye.closed_lid(u)
        dy = np.where(p.y >= middle, upper * (meet - up) * above, lower * (meet - low) * below)
        dy = np.where(here, dy, 0.0)
        before = self.shape.front(p.x, p.y, nose=False)[:, 2]
        after = self.shape.front(p.x, p.y + dy, nose=False)[:, 2]
        moved = np.abs(dy) > 1e-7
        delta[:, 1] = dy
        bulge = 0.0016 * np.minimum(np.abs(dy) / eye.upper, 1) * np.sqrt(np.clip(1 - u**2, 0, 1))
        delta[:, 2] = np.where(moved, after - before + bulge, 0.0)
        return delta

    # One function for each blendshape (or each pair of them).

    def eye_blink(self, p: FacePoints, s: float) -> Floats:
        return self._lids(p, s, 1.0, 0.9)

    def eye_squint(self, p: FacePoints, s: float) -> Floats:
        return self._lids(p, s, 0.16, 1.9) + _move(
            self._bell(p, s * 0.036, -0.050, 0.020, 0.012), 0, 0.0022, 0.0012
        )

    def eye_wide(self, p: FacePoints, s: float) -> Floats:
        return self._lids(p, s, -0.17, -0.55)

    def eye_look_down(self, p: FacePoints, s: float) -> Floats:
        return self._lids(p, s, 0.22, 0.0)

    def eye_look_up(self, p: FacePoints, s: float) -> Floats:
        return self._lids(p, s, -0.07, 0.25)

    def eye_look_in(self, p: FacePoints, s: float) -> Floats:
        return self._still(p)

    def _still(self, p: FacePoints) -> Floats:
        return np.zeros_like(p.position)

    def jaw_open(self, p: FacePoints) -> Floats:
        bow = self._bow(p)
        chin = 1 - 0.9 * falloff(p.y, self.shape.mouth.y, 0.009) * (1 - bow)
        drop = p.lower * (0.0100 * chin + 0.0100 * bow) - 0.0016 * (1 - p.lower) * bow
        delta = _move(drop, 0, -1.0, -0.24)
        delta[:, 0] -= p.x * (0.20 * self._mouth(p, 0.026, 0.024) + 0.04 * p.lower)
        return delta

    def jaw_forward(self, p: FacePoints) -> Floats:
        return _move(self._chin(p), 0, -0.0005, 0.0065)

    def jaw_sideways(self, p: FacePoints, s: float) -> Floats:
        return _move(self._chin(p), 0.0085 * s, 0, 0)

    def _chin(self, p: FacePoints) -> Floats:
        return smoothstep(0.008, -0.024, p.y - self.shape.mouth.y) * smoothstep(-0.02, 0.05, p.z)

    def mouth_close(self, p: FacePoints) -> Floats:
        """Lifts the lower lip by what `jawOpen` drops it: both at 1 give closed lips, jaw down."""
        bow = self._bow(p)
        near = self._mouth(p, 0.022, 0.011)
        lift = p.lower * (0.0105 * near + 0.0100 * bow) - 0.0016 * (1 - p.lower) * bow
        return _move(lift, 0, 0.95, 0.24)

    def mouth_funnel(self, p: FacePoints) -> Floats:
        bow, near = self._bow(p), self._mouth(p)
        delta = _move(bow, 0, 1, 0) * np.where(p.lower > 0.5, -0.0062, 0.0036)[:, None]
        delta[:, 0] -= p.x * 0.40 * near
        delta[:, 2] += 0.0052 * near
        return delta

    def mouth_pucker(self, p: FacePoints) -> Floats:
        near = self._mouth(p, 0.026, 0.016)
        delta = _move(self._bow(p), 0, 1, 0) * np.where(p.lower > 0.5, -0.0014, 0.0010)[:, None]
        delta[:, 0] -= p.x * 0.58 * near
        delta[:, 1] += 0.4 * (p.y - self.shape.mouth.y) * near
        delta[:, 2] += 0.0068 * near
        return delta

    def mouth_sideways(self, p: FacePoints, s: float) -> Floats:
        return _move(self._mouth(p, 0.026, 0.020), 0.0080 * s, 0.0006, -0.0005)

    def mouth_smile(self, p: FacePoints, s: float) -> Floats:
        cheek = self._bell(p, s * 0.036, -0.054, 0.018, 0.014)
        return _move(self._corner(p, s, 0.0118), 0.0042 * s, 0.0062, -0.0028) + _move(
            cheek, 0.001 * s, 0.0022, 0.0022
        )

    def mouth_frown(self, p: FacePoints, s: float) -> Floats:
        return _move(self._corner(p, s), 0.0012 * s, -0.0062, -0.0010)

    def mouth_dimple(self, p: FacePoints, s: float) -> Floats:
        return _move(self._corner(p, s, 0.010), 0.0042 * s, 0.0010, -0.0036)

    def mouth_stretch(self, p: FacePoints, s: float) -> Floats:
        return _move(self._corner(p, s, 0.0125), 0.0066 * s, -0.0016, -0.0030)

    def mouth_roll_lower(self, p: FacePoints) -> Floats:
        return _move(p.lower * self._mouth(p, 0.018, 0.007), 0, 0.0020, -0.0046)

    def mouth_roll_upper(self, p: FacePoints) -> Floats:
        return _move((1 - p.lower) * self._mouth(p, 0.018, 0.007), 0, -0.0018, -0.0044)

    def mouth_shrug_lower(self, p: FacePoints) -> Floats:
        lift = self._bell(p, 0, self.shape.mouth.y - 0.010, 0.020, 0.012)
        rise = _move(lift * smoothstep(0.3, 0.7, p.lower), 0, 0.0022, 0.0026)
        return rise + _move((1 - p.lower) * self._bow(p), 0, 0.0014, 0.001)

    def mouth_shrug_upper(self, p: FacePoints) -> Floats:
        lip = (1 - p.lower) * self._mouth(p, 0.018, 0.009)
        return _move(lip, 0, 0.0036, 0.0026)

    def mouth_press(self, p: FacePoints, s: float) -> Floats:
        half = smoothstep(-0.006, 0.006, p.x * s)
        near = self._mouth(p, 0.022, 0.009) * half
        delta = _move(near, 0.0022 * s, 0, -0.0020)
        delta[:, 1] -= 0.55 * (p.y - self.shape.mouth.line(p.x)) * near
        return delta

    def mouth_lower_down(self, p: FacePoints, s: float) -> Floats:
        return _move(p.lower * self._bow(p, s), 0.0004 * s, -0.0064, 0.0005)

    def mouth_upper_up(self, p: FacePoints, s: float) -> Floats:
        return _move((1 - p.lower) * self._bow(p, s), 0.0003 * s, 0.0048, 0.0008)

    def brow_down(self, p: FacePoints, s: float) -> Floats:
        whole = self._bell(p, s * 0.032, 0.013, 0.026, 0.016)
        inner = self._bell(p, s * 0.014, 0.011, 0.013, 0.014)
        return _move(whole, -0.0014 * s, -0.0034, 0.0004) + _move(
            inner, -0.0008 * s, -0.0044, 0.001
        )

    def brow_inner_up(self, p: FacePoints) -> Floats:
        left, right = (self._bell(p, s * 0.015, 0.014, 0.015, 0.016) for s in (1, -1))
        return _move(left, -0.0006, 0.0088, -0.0006) + _move(right, 0.0006, 0.0088, -0.0006)

    def brow_outer_up(self, p: FacePoints, s: float) -> Floats:
        return _move(self._bell(p, s * 0.047, 0.014, 0.020, 0.017), 0, 0.0082, -0.0012)

    def cheek_puff(self, p: FacePoints) -> Floats:
        left, right = (self._bell(p, s * 0.044, -0.066, 0.022, 0.020) for s in (1, -1))
        return _move(left, 0.0075, 0, 0.0060) + _move(right, -0.0075, 0, 0.0060)

    def cheek_squint(self, p: FacePoints, s: float) -> Floats:
        cheek = self._bell(p, s * 0.036, -0.052, 0.019, 0.014)
        return _move(cheek, 0, 0.0040, 0.0030) + self._lids(p, s, 0.0, 1.0)

    def nose_sneer(self, p: FacePoints, s: float) -> Floats:
        wing = self._bell(p, s * 0.008, -0.056, 0.009, 0.012)
        lip = (1 - p.lower) * self._bell(p, s * 0.008, self.shape.mouth.y + 0.003, 0.008, 0.010)
        return _move(wing, 0.0008 * s, 0.0034, 0.0008) + _move(lip, 0, 0.0024, 0.0005)

    def tongue_out(self, p: FacePoints) -> Floats:
        """The lips part a little; the tongue itself is moved by `mouth.py`."""
        return _move(p.lower * self._bow(p), 0, -0.0052, 0.0008)


def _move(amount: Floats, dx: float, dy: float, dz: float) -> Floats:
    return np.asarray(amount[:, None] * np.array([dx, dy, dz]))


_Sided = Callable[[FaceFields, FacePoints, float], Floats]
_Central = Callable[[FaceFields, FacePoints], Floats]

_SIDED: dict[str, _Sided] = {
    "eyeBlink": FaceFields.eye_blink,
    "eyeSquint": FaceFields.eye_squint,
    "eyeWide": FaceFields.eye_wide,
    "eyeLookDown": FaceFields.eye_look_down,
    "eyeLookUp": FaceFields.eye_look_up,
    "eyeLookIn": FaceFields.eye_look_in,
    "eyeLookOut": FaceFields.eye_look_in,
    "jaw": FaceFields.jaw_sideways,
    "mouth": FaceFields.mouth_sideways,
    "mouthSmile": FaceFields.mouth_smile,
    "mouthFrown": FaceFields.mouth_frown,
    "mouthDimple": FaceFields.mouth_dimple,
    "mouthStretch": FaceFields.mouth_stretch,
    "mouthPress": FaceFields.mouth_press,
    "mouthLowerDown": FaceFields.mouth_lower_down,
    "mouthUpperUp": FaceFields.mouth_upper_up,
    "browDown": FaceFields.brow_down,
    "browOuterUp": FaceFields.brow_outer_up,
    "cheekSquint": FaceFields.cheek_squint,
    "noseSneer": FaceFields.nose_sneer,
}
_CENTRAL: dict[str, _Central] = {
    "jawForward": FaceFields.jaw_forward,
    "jawOpen": FaceFields.jaw_open,
    "mouthClose": FaceFields.mouth_close,
    "mouthFunnel": FaceFields.mouth_funnel,
    "mouthPucker": FaceFields.mouth_pucker,
    "mouthRollLower": FaceFields.mouth_roll_lower,
    "mouthRollUpper": FaceFields.mouth_roll_upper,
    "mouthShrugLower": FaceFields.mouth_shrug_lower,
    "mouthShrugUpper": FaceFields.mouth_shrug_upper,
    "browInnerUp": FaceFields.brow_inner_up,
    "cheekPuff": FaceFields.cheek_puff,
    "tongueOut": FaceFields.tongue_out,
}


def all_displacements(fields: FaceFields, points: FacePoints) -> dict[str, Floats]:
    """Every ARKit blendshape's displacement of `points`."""
    return {name: fields.displacement(name, points) for name in ARKIT_BLENDSHAPES}
