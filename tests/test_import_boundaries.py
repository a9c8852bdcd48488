import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
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


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_the_runtime_imports_nothing_that_only_tests_or_training_install() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {
        normalised(re.split(r"[^\w.-]", requirement)[0])
        for extra in (project["dependencies"], extras["ja"], extras["zh"], extras["postgres"])
        for requirement in extra
    }
    distributions = importlib.metadata.packages_distributions()
    own = {"idol_runtime", "idol_protocol"}
    undeclared = {
        f"{file.relative_to(ROOT)}: {top}"
        for file in (ROOT / "idol_runtime").rglob("*.py")
        for top in tops_imported_by(file) - own - sys.stdlib_module_names
        if not declared & {normalised(name) for name in distributions.get(top, [top])}
    }
    assert undeclared == set()


def tops_imported_by(file: Path) -> set[str]:
    """The packages a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


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
