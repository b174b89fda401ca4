"""Taking turns between shares: nobody waits behind somebody else's many items."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.round_robin import RoundRobin

SHARES = st.sampled_from("xyz")
MANY_SHARES = st.sampled_from("abcdefgh")


def filled(**lines: str) -> RoundRobin[str]:
    ring: RoundRobin[str] = RoundRobin()
    for share, items in lines.items():
        for item in items:
            ring.add(share, item)
    return ring


def popped(ring: RoundRobin[str]) -> str:
    return "".join(item for _, item in iter(ring.pop, None))


def test_shares_are_served_in_turn_and_each_in_its_order() -> None:
    ring = filled(x="abcd", y="12", z="+-!")
    assert "".join(ring.in_order()) == "1+a2-b!cd"
    assert popped(ring) == "1+a2-b!cd"
    assert len(ring) == 0


def test_a_newcomer_is_next_after_those_that_were_never_served_either() -> None:
    ring = filled(x="abcdefgh")
    ring.pop()
    ring.add("y", "1")
    ring.add("z", "+")
    assert popped(ring) == "1+bcdefgh"


def test_who_comes_again_is_served_by_when_it_was_served_last() -> None:
    ring = filled(x="abcd", y="1", z="+-")
    assert [ring.pop() for _ in range(4)] == [("y", "1"), ("z", "+"), ("x", "a"), ("z", "-")]
    ring.add("y", "2")
    assert popped(ring) == "2bcd"
    ring.serve("x")
    ring.add("x", "e")
    ring.add("y", "3")
    assert popped(ring) == "3e"


def test_what_was_popped_in_vain_is_next_again() -> None:
    ring = filled(x="ab", y="123")
    share, item = ring.pop() or ("", "")
    ring.put_back(share, item)
    assert popped(ring) == "a1b23"


def test_a_share_that_may_not_is_passed_over_and_keeps_its_place() -> None:
    ring = filled(x="ab", y="1")
    assert ring.pop(lambda share: share != "x") == ("y", "1")
    assert ring.pop(lambda share: False) is None
    assert popped(ring) == "ab"


def test_between_two_services_of_a_share_all_others_that_wait_are_served_once() -> None:
    ring: RoundRobin[int] = RoundRobin()
    for number in range(1000):
        ring.add(f"share {number % 100}", number)
    services = [(ring.pop() or ("", 0))[0] for _ in range(1000)]
    for begin in range(0, 1000, 100):
        assert len(set(services[begin : begin + 100])) == 100


def test_who_keeps_coming_back_is_served_no_more_often_than_who_waits() -> None:
    ring = filled(x="a", **{f"share {number}": "123" for number in range(50)})
    services = []
    while len(services) < 150:
        share, _ = ring.pop() or ("", "")
        services.append(share)
        if share == "x":
            ring.add("x", "a")
    assert services.count("x") == 3


def test_once_nobody_waits_only_the_last_service_is_remembered() -> None:
    ring = filled(x="a", y="1")
    assert popped(ring) == "a1"
    ring.add("y", "2")
    ring.add("x", "b")
    assert popped(ring) == "b2"
    ring.serve("x")
    ring.add("z", "+")
    ring.remove("z", "+")
    ring.add("x", "c")
    ring.add("y", "3")
    assert popped(ring) == "c3"


class ByTheRule:
    """The same order, by looking at every share: the last service, the shorter line, the line that is there longer."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.served: dict[str, int] = {}
        self.services = 0

    def next_share(self, barred: str) -> str | None:
        lines = [share for share in self.lines if share not in barred]
        return min(lines, key=lambda share: (self.served.get(share, 0), len(self.lines[share])), default=None)

    def serve(self, share: str) -> None:
        self.services += 1
        self.served[share] = self.services

    def put(self, share: str, at: int, number: int) -> None:
        self.lines.setdefault(share, []).insert(at, number)

    def take(self, share: str, number: int) -> None:
        self.lines[share].remove(number)
        if not self.lines[share]:
            del self.lines[share]
        if not self.lines:
            self.served.clear()


class Turnwork(RuleBasedStateMachine):
    """Any interleaving: the share that is served is the one that the rule names."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: RoundRobin[int] = RoundRobin()
        self.plain = ByTheRule()
        self.count = 0

    @rule(share=MANY_SHARES)
    def add(self, share: str) -> None:
        self.count += 1
        self.plain.put(share, len(self.plain.lines.get(share, [])), self.count)
        self.ring.add(share, self.count)

    @rule(barred=st.sampled_from(["", "a", "ab", "bcdef", "abcdefgh"]), in_vain=st.booleans())
    def pop(self, barred: str, in_vain: bool) -> None:
        share, popped = self.plain.next_share(barred), self.ring.pop(lambda share: share not in barred)
        assert share == (popped and popped[0])
        if share is not None and popped is not None:
            self.plain.take(share, popped[1])
            self.plain.serve(share)
            if in_vain:
                del self.plain.served[share]
                self.plain.put(share, 0, popped[1])
                self.ring.put_back(*popped)

    @rule(share=MANY_SHARES)
    def serve(self, share: str) -> None:
        self.plain.serve(share)
        self.ring.serve(share)

    @rule(share=MANY_SHARES, data=st.data())
    def remove(self, share: str, data: st.DataObject) -> None:
        if line := self.plain.lines.get(share):
            number = data.draw(st.sampled_from(line))
            self.plain.take(share, number)
            self.ring.remove(share, number)


TestTurnwork = Turnwork.TestCase


class Ringwork(RuleBasedStateMachine):
    """Any interleaving of adding, popping, putting back and removing: nothing is lost, doubled or out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: RoundRobin[int] = RoundRobin()
        self.lines: dict[str, list[int]] = {share: [] for share in "xyz"}
        self.last: tuple[str, int] | None = None
        self.count = 0

    @rule(share=SHARES)
    def add(self, share: str) -> None:
        self.count += 1
        self.lines[share].append(self.count)
        self.ring.add(share, self.count)

    @rule()
    def pop(self) -> None:
        self.last = self.ring.pop()
        assert (self.last is None) == (not any(self.lines.values()))
        if self.last is not None:
            share, item = self.last
            assert self.lines[share].pop(0) == item

    @precondition(lambda self: self.last is not None)
    @rule()
    def put_back(self) -> None:
        assert self.last is not None
        self.lines[self.last[0]].insert(0, self.last[1])
        self.ring.put_back(*self.last)
        self.last = None

    @rule(share=SHARES, number=st.integers(1, 20))
    def remove(self, share: str, number: int) -> None:
        if number in self.lines[share]:
            self.lines[share].remove(number)
        self.ring.remove(share, number)

    @invariant()
    def the_order_told_is_all_there_is(self) -> None:
        told = list(self.ring.in_order())
        assert len(self.ring) == len(told)
        assert sorted(told) == sorted(number for line in self.lines.values() for number in line)
        for line in self.lines.values():
            assert [number for number in told if number in line] == line


TestRingwork = Ringwork.TestCase
