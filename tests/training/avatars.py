"""Whether avatars can be drawn on this machine."""

import shutil

from training.pictures.avatar_page import WEB


def can_draw() -> bool:
    return shutil.which("chromium") is not None and (WEB / "vendor" / "three").is_dir()
