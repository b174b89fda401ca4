"""Asks the process in the same container whether it is well: exit 0, or 1 with a word why. An image's HEALTHCHECK.

In: an address, or else SAMVAD_ADMIN_PORT, whose /healthz tells whether a role gets on with its work.
"""

import os
import sys
import urllib.request

ANSWER_SECONDS = 3


def main() -> None:
    """Ends the process."""
    address = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{os.environ['SAMVAD_ADMIN_PORT']}/healthz"
    try:
        # No proxy of the environment: the question stays in the container.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=ANSWER_SECONDS).close()
    except OSError as error:
        sys.exit(f"{address}: {error}")


main()
