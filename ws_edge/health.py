"""`/healthz` and `/readyz` beside the sessions, for load balancers: the same answers as the admin server's."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from observability.health import Health, Verdict


def health_routes(health: Health) -> APIRouter:
    """The two routes that a load balancer asks."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """200, or 503 with the reasons why a restart would help."""
        return _response(health.liveness())

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 while new sessions may be sent here, or 503 with the reasons; with what is degraded."""
        return _response(health.readiness())

    return router


def _response(verdict: Verdict) -> JSONResponse:
    return JSONResponse(verdict.body, status_code=verdict.status)
