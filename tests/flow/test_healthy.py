"""An image's health check: the answer of the process beside it, as an exit code."""

import asyncio
import os
import sys

from aiohttp import web

from observability.monitoring import monitoring
from observability.settings import AdminSettings
from tests.container_files import ROOT
from tests.whole.processes import free_port


async def _exit_code(*arguments: str, **environ: str) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "containers" / "healthy.py",
        *arguments,
        env=os.environ | environ,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def test_a_role_that_gets_on_with_its_work_is_healthy() -> None:
    port = free_port()
    async with monitoring(AdminSettings(admin_port=port)) as monitored:
        monitored.is_up()
        assert await _exit_code(SAMVAD_ADMIN_PORT=str(port)) == 0


async def test_a_process_that_answers_503_or_not_at_all_is_not_healthy() -> None:
    app = web.Application()
    app.router.add_get("/healthz", _unavailable)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/healthz"
    assert await _exit_code(address) == 1
    await runner.cleanup()
    assert await _exit_code(address) == 1


async def _unavailable(_: web.Request) -> web.Response:
    return web.Response(status=503)
