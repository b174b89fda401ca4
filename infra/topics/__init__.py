"""The topics of `schemas.topics.MANIFEST` on a real Kafka: made, compared, and looked for before a role starts."""
