"""uvicorn's websocket protocol with a short way out: a frame goes to the transport in the call that routes it.

In: bytes of a connection. Out: ASGI, and beside its `send` the extension `samvad.text_now`. An ASGI `send` costs a task
that is woken, a coroutine, a frame object and two copies for each frame: two thirds of the edge's own work (measured).
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

from ws_edge.text_now import EXTENSION, text_frame


class WebsocketProtocol(WebSocketsSansIOProtocol):
    """Keep-alive, limits, flow control and closing are uvicorn's."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {"send": self.send_text_now}
        try:
            await super().run_asgi()
        finally:
            self.scope["extensions"].clear()  # it refers back to this object, which no garbage collector should need

    def send_text_now(self, payload: bytes) -> bool:
        """Writes a text frame; False while the transport holds back (W1), and once the connection is closing."""
        if self.disconnected or self.conn.state is not OPEN or not self.writable.is_set():
            return False
        self.transport.write(text_frame(payload))
        return True
