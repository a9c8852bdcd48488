"""`idol bench start`: that it measures what it says; how long things take is not tested."""

import json
import subprocess
import sys

import pytest

from idol_runtime.bench.start import MEASURES, bench_start, describe
from idol_runtime.character import DEFAULT_CHARACTER
from idol_runtime.cli.main import main

TAKES_ITS_TIME = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
asked = []
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_response(503 if len(asked) < 5 else 200)
        self.end_headers()
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


@pytest.mark.models
def test_the_command_starts_and_stops_the_product(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "start", "--runs", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    [run] = report["runs"]
    assert set(run) == set(MEASURES)
    assert 0 < run["listening_s"] < run["ready_s"]
    assert run["stopped_s"] > 0
    assert report["median"] == run


def test_a_server_that_listens_is_not_yet_ready() -> None:
    done: list[tuple[int, int]] = []
    report = bench_start(
        DEFAULT_CHARACTER,
        2,
        serve=(sys.executable, "-c", TAKES_ITS_TIME),
        progress=lambda count, total: done.append((count, total)),
    )
    assert done == [(1, 2), (2, 2)]
    assert all(each["ready_s"] > each["listening_s"] for each in report["runs"])
    table = describe(report).splitlines()
    assert [line.split()[0] for line in table[1:4]] == list(MEASURES)


def test_a_server_that_ends_is_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bench_start(DEFAULT_CHARACTER, 1, serve=(sys.executable, "-c", "raise SystemExit(3)"))
    assert raised.value.returncode == 3
