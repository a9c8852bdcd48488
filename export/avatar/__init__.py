"""A procedural VRM 1.0 idol: `build_avatar(style)` gives a GLB file, with numpy and scipy alone."""

from export.avatar.build import build_avatar
from export.avatar.style import AvatarStyle

__all__ = ["AvatarStyle", "build_avatar"]
