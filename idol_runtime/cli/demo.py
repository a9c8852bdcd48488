"""`idol demo`: the shortest way to a talking character."""

import argparse
import webbrowser

from idol_runtime.cli.arguments import Subparsers
from idol_runtime.cli.serve import add_server, run_server


def add_demo_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="fetch the models, serve the default character and open the stage page",
        description="Fetches the models on first use (about 640 MB), serves the character and "
        "opens the stage page in a browser.",
    )
    add_server(parser)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    def open_page(url: str) -> None:
        if not options.no_browser:
            webbrowser.open(url)
        print("Open that page and say hello. Ctrl-C ends the demo.", flush=True)

    return run_server(options, when_ready=open_page)
