"""The real servers: Kafka, Cassandra and Jaeger natively, and Samvad's roles as processes (`make test-connected`)."""
