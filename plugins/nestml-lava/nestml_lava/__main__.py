"""``python -m nestml_lava table``: print what the models of the library are on Lava."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command."""
    parser = argparse.ArgumentParser(prog="python -m nestml_lava", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("table", help="which models of the library are stock processes of Lava")
    parser.parse_args(arguments)
    from nestml_lava.library import page

    sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
