"""What a store may raise."""


class StoreError(Exception):
    """The root of the store's errors."""


class StoreUnavailable(StoreError):
    """The store did not answer in time or is not there: try again later; the outcome of a write is unknown."""
