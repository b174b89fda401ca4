"""An edge's parts, put together. Apart from the worker's: neither role's libraries are in the other's image."""

from infra.parts import Common
from observability.edge_metrics import EdgeMetrics
from producers.notice_producers import ControlProducer
from producers.reply_producer import ReplyProducer
from schemas.models_file import ModelsFile
from schemas.topics import REQUESTS
from ws_edge.building import EdgeParts
from ws_edge.dev_sign_in import DevSignIn
from ws_edge.models_offered import OfferedModels
from ws_edge.reply_listener import ReplyListener
from ws_edge.traced_requests import TraceableRequests, TracedRequests


def edge_parts(common: Common, models: ModelsFile, requests: TraceableRequests, secret: bytes) -> EdgeParts:
    """An edge's parts."""
    sign_in, store, broker = DevSignIn(secret), common.store, common.broker
    return EdgeParts(
        sign_in=sign_in,
        dev_sign_in=sign_in,
        models=OfferedModels(models.default_alias, {alias: models.title_of(alias) for alias in models.names}),
        source=ReplyListener(broker.kafka, broker.rebuild_seconds, broker.fetch_wait_ms),
        requests=TracedRequests(requests, common.tracing),
        request_partitions=lambda: common.writers.records.known_partition_count(REQUESTS.name) or REQUESTS.partitions,
        replies=ReplyProducer(common.writers.records),
        control=ControlProducer(common.writers.records),
        turns=store.turns,
        checkpoints=store.checkpoints,
        messages=store.messages,
        conversations=store.conversations,
        health=common.monitored.health,
        metrics=EdgeMetrics(common.monitored.registry),
        tracing=common.tracing,
    )
