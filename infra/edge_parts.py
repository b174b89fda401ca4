"""An edge's parts, put together. Apart from the worker's: neither role's libraries are in the other's image."""

from typing import TYPE_CHECKING

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
from ws_edge.signing_in.desk import DeskParts
from ws_edge.signing_in.oidc_settings import OidcSettings
from ws_edge.signing_in.settings import SignInSettings
from ws_edge.signing_in.signing_out import Notices
from ws_edge.traced_requests import TraceableRequests, TracedRequests

if TYPE_CHECKING:
    from infra.stores import Store


def edge_parts(common: Common, models: ModelsFile, requests: TraceableRequests, secret: bytes) -> EdgeParts:
    """An edge's parts."""
    store, broker = common.store, common.broker
    replies = ReplyProducer(common.writers.records)
    return EdgeParts(
        desk=desk_parts(store, replies, secret),
        dev_sign_in=DevSignIn(secret),
        models=OfferedModels(models.default_alias, {alias: models.title_of(alias) for alias in models.names}),
        source=ReplyListener(broker.kafka, broker.rebuild_seconds, broker.fetch_wait_ms),
        requests=TracedRequests(requests, common.tracing),
        request_partitions=lambda: common.writers.records.known_partition_count(REQUESTS.name) or REQUESTS.partitions,
        replies=replies,
        control=ControlProducer(common.writers.records),
        turns=store.turns,
        checkpoints=store.checkpoints,
        messages=store.messages,
        conversations=store.conversations,
        health=common.monitored.health,
        metrics=EdgeMetrics(common.monitored.registry),
        tracing=common.tracing,
    )


def refuse_bad_sign_in() -> None:
    """Raises ValidationError now, and not after the servers were waited for."""
    SignInSettings()
    OidcSettings()


def desk_parts(store: "Store", notices: Notices, secret: bytes) -> DeskParts:
    """What signing in works with."""
    return DeskParts(
        secret=secret,
        users=store.users,
        sign_ins=store.sign_ins,
        used_tickets=store.used_tickets,
        api_keys=store.api_keys,
        notices=notices,
    )
