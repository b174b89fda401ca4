"""The terminal client: a person at a prompt, or a script of questions through a pipe.

In: the edge's address and a name. Out: answers, drawn as markdown while they grow, or plain text for pipes.
"""

from infra.talk.talk import talk

__all__ = ["talk"]
