"""The child process: `python -m infra.local_model`.

In: nothing; its stdin is held open by the parent. Out: one line on stdout (announcement.py). It ends when its stdin
ends, so it dies with its parent whatever killed that one, and on SIGTERM. SIGINT belongs to the parent.
SAMVAD_DEBUG=1 shows llama.cpp's log on stderr.
"""

import os
import signal
import sys

from infra.local_model.announcement import Announcement
from infra.local_model.server import MODEL, EngineUnusable, Server
from infra.local_model.weights import WeightsMissing, weights_path

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> None:
    """Serves until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    announcements = _keep_stdout_for_announcements()
    try:
        server = Server(weights_path())
    except (EngineUnusable, WeightsMissing) as error:
        os.write(announcements, Announcement(error=str(error)).to_line())
        sys.exit(1)
    os.write(announcements, Announcement(base_url=server.base_url, model=MODEL).to_line())
    _wait_for_end_of_stdin()
    # The ordinary end waits 30 s (measured) for a client that still holds a stream open; there is nothing to save.
    os._exit(0)


def _keep_stdout_for_announcements() -> int:
    """llama.cpp writes to file descriptors 1 and 2 past Python: they are turned away. Returns the real stdout."""
    announcements = os.dup(_STDOUT)
    if not os.environ.get("SAMVAD_DEBUG"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDERR)
    os.dup2(_STDERR, _STDOUT)
    return announcements


def _wait_for_end_of_stdin() -> None:
    while os.read(_STDIN, 4096):
        pass


if __name__ == "__main__":
    main()
