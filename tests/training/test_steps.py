"""What a long command says while it works."""

import io

from rich.console import Console

from training.steps import Steps


def told(*, terminal: bool) -> str:
    times = iter([0.0, 10.0, 30.0])
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=60)
    with Steps(3, console=console, clock=lambda: next(times)) as steps:
        for name in ("frechet", "jerk", "feet"):
            steps.begin(name)
            assert name in written.getvalue() or terminal
            steps.within(0.5)
            steps.end()
        steps.note("some pictures are not drawn [yet]")
    return written.getvalue()


def test_a_pipe_hears_of_each_step_as_it_begins_and_how_long_the_rest_takes() -> None:
    assert told(terminal=False).splitlines() == [
        "[1/3] frechet",
        "[2/3] jerk, about 20 s left",
        "[3/3] feet, about 15 s left",
        "some pictures are not drawn [yet]",
    ]


def test_a_terminal_sees_a_bar() -> None:
    assert "feet" in told(terminal=True)
    assert "3/3" in told(terminal=True)
