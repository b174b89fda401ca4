"""The websocket protocol `samvad.v1` as a file and as tables: made from the structs in `schemas`, never by hand.

In: the structs, their docstrings, an example of each. Out: docs/protocol/asyncapi.yaml and the generated parts of
docs/protocol.md. `samvad protocol --write` brings both up to date; a test says when they are not.
"""
