# syntax=docker/dockerfile:1
# The edge: websockets and REST. It holds neither LiteLLM nor a provider's key. The topics and migrate jobs run from it too.
# Built from the root of the checkout: docker build -f containers/edge.Dockerfile .
# The base is pinned by version; for a registry of your own, pin it by digest as well (FROM image:tag@sha256:...).
FROM python:3.13.9-slim-bookworm AS build

SHELL ["/bin/bash", "-o", "errexit", "-o", "pipefail", "-c"]
WORKDIR /build
COPY locks/uv.txt locks/edge.txt ./
# Wheels only, each by its hash: nothing is compiled, so no compiler is ever needed. L1: a .pth runs at every start.
RUN python -m venv /build/uv \
 && /build/uv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
 && python -m venv --without-pip /opt/samvad \
 && /build/uv/bin/uv pip install --python /opt/samvad/bin/python --no-cache --no-build --require-hashes \
      --compile-bytecode -r edge.txt \
 && test -z "$(find /opt/samvad -name '*.pth')"

WORKDIR /opt/samvad/app
COPY schemas schemas
COPY observability observability
COPY producers producers
COPY store store
COPY consumers consumers
COPY ws_edge ws_edge
COPY samvad_client samvad_client
COPY infra infra
COPY --chmod=0755 containers/samvad /opt/samvad/bin/samvad
COPY containers/healthy.py healthy.py
RUN python -m compileall -q --invalidation-mode unchecked-hash .

FROM python:3.13.9-slim-bookworm

LABEL org.opencontainers.image.title="Samvad edge" \
      org.opencontainers.image.description="Websockets and REST in front of Samvad's log" \
      org.opencontainers.image.licenses="Apache-2.0"

# A number, so that Kubernetes can see that it is not root. Its data folder can become a volume that it may write.
RUN groupadd --gid 10001 samvad \
 && useradd --uid 10001 --gid samvad --no-create-home --home-dir /var/lib/samvad --shell /usr/sbin/nologin samvad \
 && install --directory --owner=samvad --group=samvad --mode=0700 /var/lib/samvad

COPY --from=build /opt/samvad /opt/samvad

ENV PATH=/opt/samvad/bin:$PATH \
    PYTHONPATH=/opt/samvad/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAMVAD_HOST=0.0.0.0 \
    SAMVAD_PORT=8000 \
    SAMVAD_ADMIN_HOST=0.0.0.0 \
    SAMVAD_ADMIN_PORT=9100 \
    SAMVAD_DATA=/var/lib/samvad

USER 10001:10001
WORKDIR /var/lib/samvad
EXPOSE 8000 9100
# The samvad command takes SIGTERM itself and drains (SAMVAD_DRAIN_SECONDS): allow for more than that before SIGKILL.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
  CMD ["python", "/opt/samvad/app/healthy.py"]
ENTRYPOINT ["samvad"]
CMD ["edge"]
