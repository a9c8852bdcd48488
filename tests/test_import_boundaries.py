import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_serving_a_character_never_imports_torch_or_what_is_not_installed() -> None:
    code = """
import sys
import idol_runtime.cli.main, idol_runtime.server.serve, idol_runtime.engine.offline
import idol_runtime.bench.turn, idol_runtime.dialogue.model
import idol_runtime.speech.kokoro.model, idol_runtime.speech.kokoro.phonemize
unwanted = {"torch", "transformers", "training", "export", "protocol"} & set(sys.modules)
sys.exit(f"imported: {sorted(unwanted)}" if unwanted else 0)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_importing_starts_no_thread_and_prints_nothing() -> None:
    done = run(
        "import threading, idol_runtime.server.serve, idol_runtime.engine.offline\n"
        "assert threading.active_count() == 1, threading.enumerate()"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_wire_needs_nothing_but_msgspec_and_numpy() -> None:
    done = run(
        "import sys, idol_protocol.channels, idol_protocol.codec, idol_protocol.events\n"
        "heavy = {'onnxruntime', 'websockets', 'idol_runtime'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("idol_runtime", "import torch"),
        ("idol_runtime", "from training import gan"),
        ("idol_runtime", "import transformers"),
        ("idol_runtime", "import protocol"),
    ],
)
def test_the_linter_catches_an_import_against_the_arrows(module: str, line: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--config",
            str(ROOT / "pyproject.toml"),
            "--select",
            "TID251",
            "--stdin-filename",
            str(ROOT / module / "planted.py"),
            "-",
        ],
        input=line + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TID251" in done.stdout
