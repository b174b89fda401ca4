"""The terminal client as a program: through a pipe as scripts use it, and on a pseudo-terminal as a person does."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest

from tests.flow.talking_edge import TalkingEdge, talking_edge

PROGRAM = """
import asyncio, fcntl, sys, termios
from infra.talk import ByName, talk
if sys.stdin.isatty():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the controlling terminal, so that Ctrl-C is a signal
model = next(iter(sys.argv[3:]), None)
sys.exit(asyncio.run(talk(sys.argv[1], ByName("asha"), resume="--resume" in sys.argv, model=model)))
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
OLD = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def edge() -> AsyncIterator[TalkingEdge]:
    async with talking_edge() as edge:
        yield edge


@dataclass
class Ended:
    code: int
    out: str
    notes: str


async def piped(edge_url: str, questions: str, *options: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        edge_url,
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, notes = await process.communicate(questions.encode())
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), notes.decode())


async def test_each_piped_line_is_a_question_and_each_answer_is_printed_whole(edge: TalkingEdge) -> None:
    ended = await piped(edge.url, "hello\n\n  markdown please\nlast without newline")
    assert ended.code == 0
    assert ended.notes == ""
    assert ended.out.startswith("You said: hello \n# A heading\n")
    assert ended.out.endswith("The end.\n\nYou said: last without newline \n")
    assert len({send.conversation_id for send in edge.questions}) == 1


async def test_what_went_wrong_is_said_apart_and_in_the_exit_code(edge: TalkingEdge) -> None:
    ended = await piped(edge.url, "switch\nfail\nreject\n")
    assert ended.code == 1
    assert ended.out == "You and on with it\nYou said: fail \n"
    lines = ended.notes.splitlines()
    assert lines[0] == "— switched from fast to smart: provider failed —"
    assert lines[1].startswith("failed: The model's server failed or")
    assert lines[2].startswith("not sent: Too much is waiting")


async def test_a_cut_connection_leaves_no_trace_in_a_piped_answer(edge: TalkingEdge) -> None:
    assert (await piped(edge.url, "cut one two three four\n")).out == "You said: cut one two three four \n"


async def test_resuming_asks_in_the_newest_conversation(edge: TalkingEdge) -> None:
    edge.remember(OLD, "What is a train?", "A row of wagons.")
    await piped(edge.url, "and a ship?\n", "--resume")
    assert str(edge.questions[0].conversation_id) == OLD


async def test_an_unreachable_edge_is_one_clear_sentence() -> None:
    ended = await piped("http://127.0.0.1:9", "hello\n")
    assert (ended.code, ended.out, ended.notes) == (1, "", "Nobody answers at http://127.0.0.1:9.\n")


async def test_an_unknown_model_is_refused_with_the_names_of_those_there_are(edge: TalkingEdge) -> None:
    ended = await piped(edge.url, "hello\n", "--no", "gpt")
    assert (ended.code, ended.notes) == (1, "There is no model gpt here. There are: fast, smart.\n")


class Person:
    """Types on a pseudo-terminal and reads what a person would see, without colours."""

    def __init__(self, process: asyncio.subprocess.Process, keyboard: int) -> None:
        self._process = process
        self._keyboard = keyboard
        self._seen = b""
        self._news = asyncio.Event()

    @property
    def seen(self) -> str:
        return ESCAPES.sub("", self._seen.decode(errors="replace"))

    def read(self) -> None:
        try:
            self._seen += os.read(self._keyboard, 65536)
        except OSError:
            return  # the program has closed its end
        self._news.set()

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    async def sees(self, text: str, times: int = 1) -> None:
        try:
            async with asyncio.timeout(10):
                while self.seen.count(text) < times:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"never saw {text!r} in:\n{self.seen}")

    async def asks(self, question: str) -> None:
        self.type(f"{question}\r")

    async def leaves(self) -> int:
        async with asyncio.timeout(10):
            return await self._process.wait()


@contextmanager
def pseudo_terminal(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


@asynccontextmanager
async def person(edge: TalkingEdge, *options: str) -> AsyncIterator[Person]:
    loop = asyncio.get_running_loop()
    with pseudo_terminal(80, 24) as (ours, theirs):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            edge.url,
            *options,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )
        person = Person(process, ours)
        loop.add_reader(ours, person.read)
        try:
            await person.sees("›")
            yield person
        finally:
            loop.remove_reader(ours)
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_a_person_asks_and_leaves(edge: TalkingEdge) -> None:
    edge.remember(OLD, "What is a train?", "A row of wagons.")
    async with person(edge) as asha:
        assert "1 earlier conversation: /list" in asha.seen
        await asha.asks("hello")
        await asha.sees("You said: hello")
        await asha.sees("tokens in")
        assert "fast · A small model" in asha.seen
        asha.type("\x04")
        assert await asha.leaves() == 0


async def test_ctrl_c_at_the_prompt_leaves(edge: TalkingEdge) -> None:
    async with person(edge) as asha:
        asha.type("\x03")
        assert await asha.leaves() == 0


async def test_ctrl_c_in_an_answer_stops_it_and_the_talk_goes_on(edge: TalkingEdge) -> None:
    async with person(edge) as asha:
        await asha.asks("slow")
        await asha.sees("word2")
        asha.type("\x03")
        await asha.sees("stopped ·")
        assert "^C" not in asha.seen
        await asha.asks("hello")
        await asha.sees("You said: hello")


async def test_a_second_ctrl_c_leaves(edge: TalkingEdge) -> None:
    edge.ignores_stops = True
    async with person(edge) as asha:
        await asha.asks("slow")
        await asha.sees("word2")
        asha.type("\x03")
        await asha.sees("stopping…")
        asha.type("\x03")
        assert await asha.leaves() == 130


async def test_a_lost_connection_is_said_and_the_answer_goes_on_without_a_gap(edge: TalkingEdge) -> None:
    edge.greeting_seconds = 0.6
    async with person(edge) as asha:
        await asha.asks("slow")
        await asha.sees("word2")
        edge.cut_connections()
        await asha.sees("reconnecting…")
        await asha.sees("word3 word4 word5 word6 word7")


async def test_an_earlier_conversation_is_listed_opened_and_gone_on_with(edge: TalkingEdge) -> None:
    edge.remember(OLD, "What is a train?", "A row of **wagons**.")
    async with person(edge) as asha:
        await asha.asks("/list")
        await asha.sees("1  01 Mar")
        await asha.asks("/open 1")
        await asha.sees("A row of wagons.")
        await asha.asks("and a ship?")
        await asha.sees("You said: and a ship?")
        assert str(edge.questions[0].conversation_id) == OLD


async def test_resuming_follows_the_answer_that_is_still_running(edge: TalkingEdge) -> None:
    async with person(edge) as before:
        await before.asks("slow")
        await before.sees("word2")
    edge.titles[str(edge.questions[0].conversation_id)] = "A slow one"
    async with person(edge, "--resume") as asha:
        await asha.sees("— A slow one —")
        await asha.sees("› slow")
        await asha.sees("word2 word3 word4")


async def test_models_titles_and_conversations_are_changed_by_commands(edge: TalkingEdge) -> None:
    async with person(edge) as asha:
        await asha.asks("/model smart")
        await asha.sees("* smart")
        await asha.asks("/model gpt")
        await asha.sees("There is no model gpt here.")
        await asha.asks("/rename Too early")
        await asha.sees("Ask something first.")
        await asha.asks("hello")
        await asha.sees("tokens in")
        await asha.asks("/rename My talk")
        await asha.sees("Renamed.")
        assert list(edge.titles.values()) == ["My talk"]
        await asha.asks("/delete")
        await asha.sees("[y/N]")
        await asha.asks("y")
        await asha.sees("Deleted.")
        await asha.asks("/new")
        await asha.sees("A new conversation.", times=2)
        await asha.asks("/nonsense")
        await asha.sees("There is no /nonsense.")
        await asha.asks("/help")
        await asha.sees("/open N")
        await asha.asks("/quit")
        assert await asha.leaves() == 0
    assert edge.titles == {}
    assert edge.questions[0].model == "smart"


async def test_the_last_question_is_answered_again_by_the_model_that_is_chosen_then(edge: TalkingEdge) -> None:
    async with person(edge) as asha:
        await asha.asks("/again")
        await asha.sees("Ask something first.")
        await asha.asks("hello")
        await asha.sees("tokens in")
        await asha.asks("/model smart")
        await asha.asks("/again")
        await asha.sees("You said: once more")
    (again,), (first, *_) = edge.asked_again, edge.messages.values()
    assert (str(again.message_id), again.model) == (first[0]["id"], "smart")


async def test_alt_enter_begins_a_new_line(edge: TalkingEdge) -> None:
    async with person(edge) as asha:
        asha.type("one\x1b\rtwo\r")
        await asha.sees("tokens in")
    assert edge.questions[0].text == "one\ntwo"
