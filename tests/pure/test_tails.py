"""The memory of recent conversations stays within its bounds, and forgets the least recently used first."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumers.tails import Tail, Tails
from store.rows import MessageRow

CONVERSATIONS = st.sampled_from("abcdef")
MAX_BYTES, MAX_MESSAGES = 5_000, 4


def message(number: int, text: str = "") -> MessageRow:
    return MessageRow(message_id=str(number), role="user", text=text, created_at_ms=0)


class Memory(RuleBasedStateMachine):
    """What is remembered is always what was put last, cut to the newest messages."""

    def __init__(self) -> None:
        super().__init__()
        self.tails = Tails(MAX_BYTES, MAX_MESSAGES)
        self.put_last: dict[str, Tail] = {}

    @rule(conversation=CONVERSATIONS, count=st.integers(0, 8), length=st.integers(0, 900))
    def put(self, conversation: str, count: int, length: int) -> None:
        tail = Tail(tuple(message(n, "x" * length) for n in range(count)), conversation)
        self.tails.put("u", conversation, tail)
        self.put_last[conversation] = Tail(tail.messages[-MAX_MESSAGES:], conversation)

    @rule(conversation=CONVERSATIONS)
    def drop(self, conversation: str) -> None:
        self.tails.drop("u", conversation)
        assert self.tails.get("u", conversation) is None

    @rule()
    def drop_all(self) -> None:
        self.tails.drop_all()
        assert self.tails._bytes == 0

    @rule(conversation=CONVERSATIONS)
    def get(self, conversation: str) -> None:
        found = self.tails.get("u", conversation)
        assert found is None or found == self.put_last[conversation]
        assert self.tails.get("somebody else", conversation) is None

    @invariant()
    def it_costs_what_it_holds_and_no_more_than_it_may(self) -> None:
        held = sum(tail.cost for tail in self.tails._tails.values())
        assert self.tails._bytes == held <= MAX_BYTES


TestMemory = Memory.TestCase


def test_the_least_recently_used_conversation_is_forgotten_first() -> None:
    one = Tail((message(1, "x" * 400),), None)
    tails = Tails(max_bytes=2 * one.cost)
    tails.put("u", "a", one)
    tails.put("u", "b", one)
    assert tails.get("u", "a")
    tails.put("u", "c", one)
    assert tails.get("u", "a")
    assert tails.get("u", "b") is None
    assert tails.get("u", "c")


def test_the_leaf_is_the_newest_message() -> None:
    assert Tail((message(1), message(2)), None).leaf == "2"
    assert Tail((), None).leaf is None
