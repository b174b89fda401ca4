"""The embedded broker as a own process: `python -m benchmarks.broker` says its address and runs until a signal."""

import json

from infra.embedded_broker import embedded_broker
from infra.signals import run, told_by_signals
from schemas.topics import CONTROL


async def _serve() -> int:
    stop = told_by_signals().stop
    with embedded_broker({CONTROL.name: 1}) as bootstrap_servers:
        print(json.dumps({"kafka": bootstrap_servers}), flush=True)
        await stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(run(_serve()))
