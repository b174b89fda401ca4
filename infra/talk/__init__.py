"""The terminal client: a person at a prompt, or a script of questions through a pipe.

In: the edge's address, and how to sign in. Out: answers, drawn as markdown while they grow, or plain text for pipes.
"""

from infra.talk.signed_in import ByName, ByPassword, ByTokenFile
from infra.talk.talk import talk

__all__ = ["ByName", "ByPassword", "ByTokenFile", "talk"]
