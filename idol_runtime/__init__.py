"""Brings characters to life: words, a voice, a face and a body on one media clock."""

from idol_runtime.version import __version__

__all__ = ["__version__"]
