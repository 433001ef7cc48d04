"""The command ``dynakv``; the same as ``python -m dynakv``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

NEEDED = ("typer", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 done, 1 failed, 2 used wrongly, 3 no quorum, 4 conflict.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"dynakv: the command line needs {' and '.join(missing)}: pip install 'dynakv[cli]'",
            file=sys.stderr,
        )
        return 1
    from dynakv.cli._app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
