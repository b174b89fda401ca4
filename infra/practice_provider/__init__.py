"""The practice provider: an OpenAI-compatible HTTP server with scripted speed and faults, for tests and load.

In: chat completion requests whose model name is a script (`practice-64x20-stall8`, see `script.py`).
Out: the answer that the script orders, and a record of every call (`calls.py`).
"""

from infra.practice_provider.server import PracticeProvider, practice_provider, serve

__all__ = ["PracticeProvider", "practice_provider", "serve"]
