"""The one place that makes ONNX Runtime sessions.

`get_available_providers()` lists what was compiled in, not what works: CUDA is offered only when
the driver's library loads, and every session is asked afterwards what it really runs on.
"""

import ctypes
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from idol_runtime.errors import BundleError, ProviderError

Provider: TypeAlias = Literal["auto", "cpu", "cuda"]
Array: TypeAlias = NDArray[Any]

_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@functools.cache
def cuda_problem() -> str | None:
    """Why CUDA cannot be used here, as a sentence, or None when it can."""
    if _NAMES["cuda"] not in ort.get_available_providers():
        return "this build of ONNX Runtime has no CUDA provider; install onnxruntime-gpu."
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver was found (libcuda does not load)."
    ort.preload_dlls()  # prints when libraries are missing, hence only after the driver was found
    return None


def resolve_provider(provider: Provider) -> Literal["cpu", "cuda"]:
    """What `auto` means on this machine.

    Raises:
        ProviderError: CUDA was asked for by name and cannot be used.
    """
    if provider == "cpu":
        return "cpu"
    problem = cuda_problem()
    if provider == "cuda" and problem:
        raise ProviderError(f"Expected a usable CUDA device, but {problem} Use --provider cpu.")
    return "cpu" if problem else "cuda"


class OnnxSession:
    """An ONNX Runtime session: names in, names out, no hidden state."""

    def __init__(
        self,
        model: Path | bytes,
        *,
        provider: Provider = "cpu",
        threads: int = 1,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Opens a model.

        Raises:
            BundleError: the file is not a model this ONNX Runtime can load.
            ProviderError: CUDA was asked for and the session does not run on it.
        """
        self.provider = resolve_provider(provider)
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        # A spinning pool burns ten times the CPU of a small model and halves its neighbours.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        for key, value in (options or {}).items():
            settings.add_session_config_entry(key, value)
        wanted = [_NAMES[self.provider]]
        if self.provider == "cuda":
            wanted.append(_NAMES["cpu"])
        source = model if isinstance(model, bytes) else str(model)
        try:
            self.ort = ort.InferenceSession(source, settings, providers=wanted)
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            name = "model" if isinstance(model, bytes) else str(model)
            raise BundleError(
                f"{name}: ONNX Runtime could not load it: {str(error).splitlines()[0]}"
            ) from None
        if self.ort.get_providers()[0] != wanted[0]:
            raise ProviderError(
                f"Expected the session to run on {wanted[0]}, but it runs on "
                f"{self.ort.get_providers()[0]}; run `idol doctor` to see what is missing."
            )
        self.inputs = {value.name: value for value in self.ort.get_inputs()}
        self.outputs = [value.name for value in self.ort.get_outputs()]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, np.ndarray[Any, Any]]:
        return dict(zip(self.outputs, self.ort.run(None, dict(feeds)), strict=True))
