"""The small real model that answers when the environment offers no other: SmolLM2-135M-Instruct in a child process.

`child.py` is the parent's side; `python -m infra.local_model` is the child. It is tiny: fluent and often wrong, right
for trying the system offline and for real streaming in tests.
"""

from infra.local_model.child import LocalModel, LocalModelUnavailable, local_model

__all__ = ["LocalModel", "LocalModelUnavailable", "local_model"]
