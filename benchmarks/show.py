"""`python -m benchmarks.show FILE [--beside FILE]`: a kept result's tables again, for a screen or a page."""

import argparse
from pathlib import Path

from benchmarks.command import console, failed, kept
from benchmarks.tables import print_result


def main() -> int:
    """The command. Ends with 1 and a sentence when the file holds no result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.show", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--beside", type=Path)
    options = parser.parse_args()
    result = kept(options.file)
    if result is None:
        return failed(f"{options.file} holds no result of this version: run `make bench` or `make bench-real` again")
    print_result(result, kept(options.beside) if options.beside else None, console)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
