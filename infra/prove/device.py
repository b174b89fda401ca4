"""One simulated device: a client whose every frame is recorded before any rule is applied to it.

In: a signed-in user, an edge. Out: events of its sessions and frames; a client to ask, watch and stop with.
"""

import time

import msgspec

from infra.prove.events import Connected, Disconnected, Received
from infra.prove.recording import Recorder
from samvad_client import EdgeRest, SamvadClient
from samvad_client.connection import ServerSaid
from samvad_client.rest import SignedIn
from schemas.codec import Unreadable, encode
from schemas.frames import Ready

NOWHERE = "http://127.0.0.1:9"
"""Discard, where nobody listens: a device there is switched off."""
UNREADABLE = msgspec.Raw(b'{"type":"unreadable"}')


class Device:
    """`async with device.client:` while it lives. `name` is the person's, a slash and the device's number."""

    def __init__(self, name: str, user: SignedIn, edge: str, recorder: Recorder) -> None:
        self.name = name
        self.user = user
        self.edge = edge
        self._recorder = recorder
        self._session = ""
        self.client = SamvadClient(
            edge, user.token, sign_in=self._sign_in, on_frame=self._hear, on_connection=self._note_connection
        )

    def move_to(self, edge: str) -> None:
        """Its connection is lost, and it comes back at that edge with what it knows."""
        self.edge = edge
        self.client.go_to(edge)
        self.client.drop_connection()

    def vanish(self) -> None:
        """Its connection is lost, and it does not come back before it moves to an edge."""
        self.move_to(NOWHERE)

    async def _sign_in(self) -> str:
        async with EdgeRest(self.edge) as rest:
            return (await rest.sign_in(self.name.partition("/")[0])).token

    def _hear(self, said: ServerSaid) -> None:
        if isinstance(said, Ready):
            self._session = said.session_id
            self._recorder.write(
                Connected(
                    at=time.monotonic(),
                    client=self.name,
                    user_id=said.user_id,
                    session=said.session_id,
                    edge=self.edge,
                )
            )
            return
        frame = UNREADABLE if isinstance(said, Unreadable) else msgspec.Raw(encode(said))
        self._recorder.write(Received(at=time.monotonic(), client=self.name, session=self._session, frame=frame))

    def _note_connection(self, is_open: bool) -> None:
        if not is_open:
            self._recorder.write(Disconnected(at=time.monotonic(), client=self.name, session=self._session))
