"""What edges tell each other on `chat.replies`, under the user's key and unnumbered (DESIGN 6). Never a client's.

Not a family of server frames, so that nothing which sends frames takes one.
"""

import msgspec

from schemas.headers import ReplyAddress

SIGNED_OUT = "signed_out"
SIGNED_OUT_ADDRESS = ReplyAddress(kind=SIGNED_OUT, conversation_id="")


class SignedOut(msgspec.Struct, tag_field="type", tag=SIGNED_OUT, frozen=True, kw_only=True, omit_defaults=True):
    """The user's sign-in or API key `sign_in_id` has ended; without one, every sign-in of another `generation`.

    `with_keys`: API keys too, for the user is disabled.
    """

    sign_in_id: str | None = None
    generation: str = ""
    with_keys: bool = False
