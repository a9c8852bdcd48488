"""How long `idol serve` takes until it can serve, as a client sees it."""

import http.client
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from idol_runtime.bench.turn import machine

POLL_S: Final = 0.02
"""How often it is asked; times are as exact as that."""
MEASURES: Final = ("listening_s", "ready_s", "stopped_s")


def bench_start(
    character: Path,
    runs: int,
    *,
    serve: Sequence[str] = (sys.executable, "-m", "idol_runtime", "serve"),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Starts and stops a server so many times, and asks `/readyz` from outside meanwhile.

    The models are there already (`idol models pull`); the first run reads them from the disk, later
    ones from the system's cache of it.

    Args:
        character: Whom it serves.
        runs: How many times.
        serve: The command to measure; another checkout's, for a comparison.
        progress: Told how many runs are done, and of how many.

    Returns:
        For each run the seconds from the start until the port answered (`listening_s`) and until
        `/readyz` said 200 (`ready_s`), and from SIGTERM until the process was gone (`stopped_s`).

    Raises:
        subprocess.CalledProcessError: the server ended by itself.
    """
    made = []
    for done in range(runs):
        made.append(_run([*serve, "--character", str(character)]))
        progress(done + 1, runs)
    medians = {name: statistics.median(run[name] for run in made) for name in MEASURES}
    return {"machine": machine(), "runs": made, "median": medians}


def describe(report: dict[str, Any]) -> str:
    """The report as a table for people."""
    rows = [f"{'seconds':14}{'median':>10}   each run"]
    for name in MEASURES:
        each = "  ".join(f"{run[name]:.2f}" for run in report["runs"])
        rows.append(f"{name:14}{report['median'][name]:>10.2f}   {each}")
    on = report["machine"]
    rows.append(f"{on['cores']} cores, {on['cpu']}, load average {on['load_average']}")
    return "\n".join(rows)


def _run(command: list[str]) -> dict[str, float]:
    port = _free_port()
    started = time.perf_counter()
    listening_s = None
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL) as server:
        try:
            while (status := _status(port)) != http.HTTPStatus.OK:
                if status is not None and listening_s is None:
                    listening_s = time.perf_counter() - started
                if server.poll() is not None:
                    raise subprocess.CalledProcessError(server.returncode, command)
                time.sleep(POLL_S)
            ready_s = time.perf_counter() - started
            stopping = time.perf_counter()
            server.send_signal(signal.SIGTERM)
            server.wait()
            stopped_s = time.perf_counter() - stopping
        finally:
            server.terminate()
    return {
        "listening_s": ready_s if listening_s is None else listening_s,
        "ready_s": ready_s,
        "stopped_s": stopped_s,
    }


def _status(port: int) -> int | None:
    """What `/readyz` says; None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
