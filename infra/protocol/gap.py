"""What the protocol's description lacks."""

from infra.refused import Refused


class ProtocolGap(Refused):
    """A frame, field or code is not described yet. Its text says what to add, and where."""
