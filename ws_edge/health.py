"""`/healthz`: this process answers. `/readyz`: new sessions may be sent here."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ws_edge.readiness import Readiness


def health_routes(readiness: Readiness) -> APIRouter:
    """The two routes that a load balancer asks."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Always 200 while the event loop turns."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """200, or 503 with the reason."""
        reason = readiness.reason_not_ready()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)

    return router
