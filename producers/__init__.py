"""Writing to Kafka: one supervised writer, and a producer for each topic that says what is written."""
