"""The reference body in torch: the same humanoid as the runtime's, with differentiable kinematics.

Right-handed, Y up, metres, the character faces +Z and its left is +X. Rotation matrices are the
last two axes; everything before them broadcasts.
"""

from typing import Final

import torch
from torch import Tensor

from idol_protocol.skeleton import OFFSETS_M, PARENTS


def about(axis: str, degrees: Tensor) -> Tensor:
    """[..., 3, 3]: turns about the `x`, `y` or `z` axis."""
    angle = torch.deg2rad(degrees)[..., None, None]
    across, turned, along = (
        torch.tensor(part, dtype=degrees.dtype, device=degrees.device) for part in _ABOUT[axis]
    )
    return torch.cos(angle) * across + torch.sin(angle) * turned + along


_ABOUT: Final = {
    "x": (
        ((0, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((1, 0, 0), (0, 0, 0), (0, 0, 0)),
    ),
    "y": (
        ((1, 0, 0), (0, 0, 0), (0, 0, 1)),
        ((0, 0, 1), (0, 0, 0), (-1, 0, 0)),
        ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    ),
    "z": (
        ((1, 0, 0), (0, 1, 0), (0, 0, 0)),
        ((0, -1, 0), (1, 0, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0), (0, 0, 1)),
    ),
}
"""Rodrigues' formula: what counts by the cosine, by the sine, and always."""


def unit(vector: Tensor) -> Tensor:
    """[..., n] divided by its length."""
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def matrix_from_rot6d(six: Tensor) -> Tensor:
    """Gram-Schmidt of two columns [..., 6] (Zhou et al. 2019)."""
    first = unit(six[..., :3])
    along = (first * six[..., 3:]).sum(dim=-1, keepdim=True)
    second = unit(six[..., 3:] - along * first)
    return torch.stack([first, second, cross(first, second)], dim=-1)


def rot6d_from_matrix(matrix: Tensor) -> Tensor:
    """[..., 6]: the first, then the second column."""
    return torch.cat([matrix[..., :, 0], matrix[..., :, 1]], dim=-1)


def quaternion_from_matrix(matrix: Tensor) -> Tensor:
    """Unit quaternions [..., 4] (x, y, z, w) with w >= 0, by operators that every opset has.

    Each candidate row is the quaternion scaled by four times one of its components; the one with
    the longest component is free of cancellation. Rotations lie along the last axis meanwhile:
    operators over long rows are fast, and over rows of four they are not.
    """
    mix = torch.tensor(_QUATERNION, dtype=matrix.dtype, device=matrix.device)
    ones = torch.tensor(_DIAGONAL, dtype=matrix.dtype, device=matrix.device)
    rows = (mix @ matrix.reshape(-1, 9).transpose(0, 1) + ones).split(4)
    sizes = [row[at : at + 1] for at, row in enumerate(rows)]
    longest = torch.maximum(torch.maximum(sizes[0], sizes[1]), torch.maximum(sizes[2], sizes[3]))
    chosen = rows[3]
    for row, size in zip(rows[:3], sizes[:3], strict=True):
        chosen = torch.where(size >= longest, row, chosen)
    facing = 1 - 2 * (chosen[3:] < 0).to(matrix.dtype)
    quaternion = chosen * (facing / chosen.norm(dim=0, keepdim=True))
    return quaternion.transpose(0, 1).reshape(*matrix.shape[:-2], 4)


def _quaternion_rows() -> list[list[float]]:
    """[16, 9]: what each entry of a matrix, row by row, adds to the four candidates."""
    xx, xy, xz, yx, yy, yz, zx, zy, zz = range(9)
    terms = (
        ({xx: 1, yy: -1, zz: -1}, {xy: 1, yx: 1}, {xz: 1, zx: 1}, {zy: 1, yz: -1}),
        ({xy: 1, yx: 1}, {xx: -1, yy: 1, zz: -1}, {yz: 1, zy: 1}, {xz: 1, zx: -1}),
        ({xz: 1, zx: 1}, {yz: 1, zy: 1}, {xx: -1, yy: -1, zz: 1}, {yx: 1, xy: -1}),
        ({zy: 1, yz: -1}, {xz: 1, zx: -1}, {yx: 1, xy: -1}, {xx: 1, yy: 1, zz: 1}),
    )
    flat = [cell for row in terms for cell in row]
    return [[float(cell.get(entry, 0)) for entry in range(9)] for cell in flat]


_QUATERNION: Final = _quaternion_rows()
_DIAGONAL: Final = [[float(at % 5 == 0)] for at in range(16)]


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross product of [..., 3] by products and differences, which export to any runtime."""
    # Small products reorder the last axis, which gathering does ten times as slowly.
    after = torch.tensor(_NEXT, dtype=a.dtype, device=a.device)
    before = after.transpose(0, 1)
    return (a @ after) * (b @ before) - (a @ before) * (b @ after)


_NEXT: Final = ((0, 0, 1), (1, 0, 0), (0, 1, 0))
"""Moves each component one place down: (x, y, z) becomes (y, z, x)."""


def forward_kinematics(local: Tensor, hips_m: Tensor) -> tuple[Tensor, Tensor]:
    """Joint positions [..., 22, 3] and world rotations [..., 22, 3, 3].

    Args:
        local: [..., 22, 3, 3] in `POSE_BONES` order.
        hips_m: [..., 3], translation of the hips from rest.
    """
    offsets = torch.tensor(OFFSETS_M, dtype=local.dtype, device=local.device)
    positions, world = [hips_m + offsets[0]], [local[..., 0, :, :]]
    for index, parent in enumerate(PARENTS[1:], start=1):
        positions.append(positions[parent] + world[parent] @ offsets[index])
        world.append(world[parent] @ local[..., index, :, :])
    return torch.stack(positions, dim=-2), torch.stack(world, dim=-3)


def yaw_pitch_roll(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Degrees [...] such that about(y, yaw) @ about(x, pitch) @ about(z, roll) is the matrix."""
    yaw = torch.atan2(matrix[..., 0, 2], matrix[..., 2, 2])
    pitch = torch.asin((-matrix[..., 1, 2]).clamp(-1.0, 1.0))
    roll = torch.atan2(matrix[..., 1, 0], matrix[..., 1, 1])
    return torch.rad2deg(yaw), torch.rad2deg(pitch), torch.rad2deg(roll)
