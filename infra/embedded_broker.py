"""The embedded broker: a Kafka-protocol broker inside this process, for `make chat` and the flow tests.

In: nothing, or how many partitions some topics have. Out: a bootstrap address on loopback. It is librdkafka's mock
cluster, from the library that confluent-kafka brings along; real clients (aiokafka) talk to it over real sockets.

It is called through ctypes, by its public C interface (rdkafka_mock.h), because the Python one
(`test.mock.num.brokers`) leaves two settings out of reach: a group's first rebalance waits 3 s there (measured: a
worker joins in 3.0 s, so in 4 ms), and every topic has 4 partitions.

What it does not do:
- remember: everything is in memory, at most the newest 5 MB or 100,000 records of a partition, gone at the end;
- hold two members in a group: it answers the leader's SyncGroup too early and refuses the follower's;
- let a group be joined again at once: after a member left, the next join takes its session timeout less 1 s.
"""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

_PRODUCER = 0
_BROKERS = 1
_ERROR_BYTES = 512

_Pointer = ctypes.c_void_p
# Results and arguments of the functions used, as rdkafka.h and rdkafka_mock.h declare them.
_SIGNATURES = {
    "rd_kafka_conf_new": (_Pointer, []),
    "rd_kafka_conf_set_log_cb": (None, [_Pointer, _Pointer]),
    "rd_kafka_new": (_Pointer, [ctypes.c_int, _Pointer, ctypes.c_char_p, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [_Pointer]),
    "rd_kafka_mock_cluster_new": (_Pointer, [_Pointer, ctypes.c_int]),
    "rd_kafka_mock_cluster_destroy": (None, [_Pointer]),
    "rd_kafka_mock_cluster_bootstraps": (ctypes.c_char_p, [_Pointer]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [_Pointer, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (ctypes.c_int, [_Pointer, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
}


class EmbeddedBrokerUnavailable(RuntimeError):
    """The embedded broker cannot run here; the text says why and what to do."""


@contextmanager
def embedded_broker(partitions: Mapping[str, int] | None = None) -> Iterator[str]:
    """Runs a broker while the context is open and yields its bootstrap address, "127.0.0.1:PORT".

    `partitions` creates topics beforehand, by name; all others appear with 4 partitions when first used. Opening and
    closing take a few milliseconds. Raises EmbeddedBrokerUnavailable.
    """
    library = _librdkafka()
    client = _silent_client(library)
    try:
        with _mock_cluster(library, client) as cluster:
            # Nobody else is going to join: waiting for more members would delay the worker by 3 s.
            library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
            _create_topics(library, cluster, partitions or {})
            yield library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
    finally:
        library.rd_kafka_destroy(client)


def _librdkafka() -> ctypes.CDLL:
    """confluent-kafka's extension module: looking a name up in it also finds those of the librdkafka it links to."""
    try:
        library = ctypes.CDLL(import_module("confluent_kafka.cimpl").__file__)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (ImportError, OSError, AttributeError) as error:
        raise EmbeddedBrokerUnavailable(
            f"The embedded broker needs confluent-kafka with its librdkafka ({error}); install samvad[local]."
        ) from error
    return library


def _silent_client(library: ctypes.CDLL) -> int:
    """The librdkafka client that owns the mock cluster. It never connects anywhere, and warns about just that."""
    configuration = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set_log_cb(configuration, None)
    reason = ctypes.create_string_buffer(_ERROR_BYTES)
    client: int | None = library.rd_kafka_new(_PRODUCER, configuration, reason, _ERROR_BYTES)
    if client is None:
        raise EmbeddedBrokerUnavailable(f"librdkafka did not start: {reason.value.decode()}.")
    return client


@contextmanager
def _mock_cluster(library: ctypes.CDLL, client: int) -> Iterator[int]:
    cluster: int | None = library.rd_kafka_mock_cluster_new(client, _BROKERS)
    if cluster is None:
        raise EmbeddedBrokerUnavailable("The embedded broker found no free port on 127.0.0.1.")
    try:
        yield cluster
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)


def _create_topics(library: ctypes.CDLL, cluster: int, partitions: Mapping[str, int]) -> None:
    for topic, count in partitions.items():
        error = library.rd_kafka_mock_topic_create(cluster, topic.encode(), count, _BROKERS)
        if error:
            raise EmbeddedBrokerUnavailable(
                f"The embedded broker refused topic {topic} with {count} partitions ({error})."
            )
