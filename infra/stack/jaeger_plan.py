"""Jaeger as the native stack runs it: in memory, spans in by OTLP over HTTP, the query API out."""

import json
from typing import Any

from infra.stack.layout import Layout
from infra.stack.options import StackOptions, loopback
from infra.stack.plan import Built, Kind, ServerPlan

_MOST_TRACES = 100_000


def jaeger_plan(options: StackOptions, built: Built) -> ServerPlan:
    """The one Jaeger."""
    configuration = Layout(options.folder).server("jaeger") / "jaeger.yaml"
    return ServerPlan(
        name="jaeger",
        kind=Kind.JAEGER,
        host=loopback(1),
        port=options.ports.jaeger_query,
        other_ports=(options.ports.otlp,),
        command=(str(built.jaeger), "--config", str(configuration)),
        files={configuration: jaeger_yaml(options)},
    )


def jaeger_yaml(options: StackOptions) -> str:
    """Only what Samvad uses: all that Jaeger opens by default would be a dozen ports. JSON, which is YAML too."""
    otlp = {"protocols": {"http": {"endpoint": f"{loopback(1)}:{options.ports.otlp}"}}}
    configuration = {
        "service": _service(),
        "extensions": _extensions(options),
        "receivers": {"otlp": otlp},
        "processors": {"batch": {"timeout": "200ms"}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }
    return json.dumps(configuration, indent=2)


def _service() -> dict[str, Any]:
    traces = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger_storage_exporter"]}
    return {
        "extensions": ["jaeger_storage", "jaeger_query"],
        "pipelines": {"traces": traces},
        "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
    }


def _extensions(options: StackOptions) -> dict[str, Any]:
    host = loopback(1)
    return {
        "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": _MOST_TRACES}}}},
        "jaeger_query": {
            "storage": {"traces": "memory"},
            "http": {"endpoint": f"{host}:{options.ports.jaeger_query}"},
            "grpc": {"endpoint": f"{host}:0"},
        },
    }
