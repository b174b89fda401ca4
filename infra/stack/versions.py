"""Which servers Samvad runs on, pinned here and nowhere else: the native stack and the containers both read this."""

KAFKA = "4.3.0"
KAFKA_SCALA = "2.13"
LOG4J = "2.25.4"
"""What Kafka's tree carries; its slf4j binding must be of the same version."""
CASSANDRA = "5.0.8"
JAMM = "0.4.0"
"""The Java agent in Cassandra's tree."""
JAEGER = "1.76.0"
"""Jaeger's Go module (infra/stack/jaeger/go.mod says the same); its container images call this release 2.13.0."""
JAEGER_IMAGE = "2.13.0"

OLDEST_JAVA = 17
