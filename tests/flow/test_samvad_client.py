"""The client library against an edge that cuts, repeats, drains, leaves holes and refuses."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from samvad_client import (
    ClientClosed,
    EdgeRefused,
    QuestionTooLong,
    RequestRejected,
    SamvadClient,
    SamvadError,
    SessionRefused,
    SignInAgain,
    StrictObserver,
    TurnHandle,
    TurnView,
)
from schemas.client_frames import Regenerate, Send, Stop, Unwatch, Watch
from schemas.errors import ErrorCode
from schemas.frames import (
    Accepted,
    Asked,
    Draining,
    ServerFrame,
    Started,
    WatchedTurn,
    Watching,
    error_frame,
    rejected_frame,
)
from schemas.ids import new_id, seq_of
from schemas.parts import UserMessage
from schemas.statuses import TurnStatus
from tests.flow.scripted_edge import ScriptedEdge, ScriptedSession, scripted_edge
from tests.turn_frames import CONVERSATION, TURN, asked, completed, delta, snapshot, started, stopped


@pytest.fixture
async def edge() -> AsyncIterator[ScriptedEdge]:
    async with scripted_edge() as edge:
        yield edge


@asynccontextmanager
async def connected(edge: ScriptedEdge, observer: StrictObserver | None = None) -> AsyncIterator[SamvadClient]:
    async with SamvadClient(edge.url, "token", on_frame=observer) as client:
        yield client


async def accept(session: ScriptedSession) -> Send:
    send = await session.hear(Send)
    await session.say(Accepted(str(send.request_id), TURN))
    return send


async def watch_again(session: ScriptedSession, *listed: WatchedTurn) -> dict[str, int]:
    """Answers a `watch`, and gives its cursors."""
    watch = await session.hear(Watch)
    assert str(watch.conversation_id) == CONVERSATION
    await session.say(Watching(CONVERSATION, list(listed), head=None))
    return {str(turn_id): seq for turn_id, seq in (watch.after or {}).items()}


def running(seq: int) -> WatchedTurn:
    return WatchedTurn(TURN, seq, TurnStatus.RUNNING)


async def until(handle: TurnHandle, is_so: Callable[[TurnView], bool]) -> None:
    async with asyncio.timeout(5):
        async for view in handle:
            if is_so(view):
                return


async def shows(handle: TurnHandle, answer: str) -> None:
    await until(handle, lambda view: view.answer == answer and view.status is TurnStatus.RUNNING)


async def begin(edge: ScriptedEdge, client: SamvadClient, *frames: ServerFrame) -> tuple[ScriptedSession, TurnHandle]:
    """Asks on the first session, which accepts and starts the turn and says these frames."""
    await client.connected.wait()
    session = await edge.session()
    handle = client.ask(CONVERSATION, "Hi")
    send = await accept(session)
    await session.say(started_for(send), *frames)
    return session, handle


def started_for(send: Send) -> Started:
    return msgspec.structs.replace(started(), request_id=str(send.request_id))


def asked_for(send: Send) -> Asked:
    return msgspec.structs.replace(asked(), request_id=str(send.request_id))


async def test_an_answer_arrives(edge: ScriptedEdge) -> None:
    observer = StrictObserver()
    async with connected(edge, observer) as client:
        _, handle = await begin(edge, client, delta(1, "Hel"), delta(2, "lo"), completed(3))
        view = await handle.ended()
    assert (view.answer, view.status) == ("Hello", TurnStatus.COMPLETED)
    assert observer.violations == []
    assert observer.open_turns() == []


async def test_a_question_may_go_on_from_any_message(edge: ScriptedEdge) -> None:
    message_id = new_id()
    async with connected(edge) as client:
        await client.connected.wait()
        client.ask(CONVERSATION, "And then?", parent_id=message_id)
        send = await (await edge.session()).hear(Send)
    assert (str(send.parent_id), send.text) == (message_id, "And then?")


async def test_a_question_asked_before_there_is_a_connection_is_sent_when_it_comes(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        client.ask(CONVERSATION, "Hi", "smart")
        session = await edge.session()
        await session.hear(Watch)
        send = await session.hear(Send)
    assert (send.text, send.model, str(send.conversation_id)) == ("Hi", "smart", CONVERSATION)


async def test_iterating_shows_the_newest_view_and_never_a_queue(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        deltas = [delta(n, "word ") for n in range(1, 2001)]
        session, handle = await begin(edge, client, *deltas)
        await session.say(completed(2001))
        lengths = [len(view.answer) async for view in handle]
    assert lengths == sorted(lengths)
    assert lengths[-1] == 10_000


async def test_a_cut_connection_resumes_after_the_last_frame_without_a_gap_or_a_repeat(edge: ScriptedEdge) -> None:
    observer = StrictObserver()
    async with connected(edge, observer) as client:
        first, handle = await begin(edge, client, delta(1, "a"), delta(2, "b"))
        await shows(handle, "ab")
        first.abort()
        second = await edge.session()
        assert await watch_again(second, running(seq_of(1, 2))) == {TURN: seq_of(1, 2)}
        # An edge may begin earlier than it must; the client drops what it has.
        await second.say(delta(2, "b"), delta(3, "c"), completed(4))
        view = await handle.ended()
        assert second.hears_nothing(), "an accepted question is not sent again"
    assert view.answer == "abc"
    assert observer.violations == []


async def test_a_dropped_connection_comes_back_by_itself(edge: ScriptedEdge) -> None:
    states: list[bool] = []
    async with SamvadClient(edge.url, "token", on_connection=states.append) as client:
        first = await edge.session()
        await client.connected.wait()
        client.drop_connection()
        await first.closed()
        await edge.session()
        await client.connected.wait()
        assert states == [True, False, True]


async def test_a_question_that_was_not_accepted_is_sent_again_as_the_same_request(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        first = await edge.session()
        handle = client.ask(CONVERSATION, "Hi")
        send = await first.hear(Send)
        first.abort()
        second = await edge.session()
        assert await watch_again(second) == {}
        assert (await accept(second)) == send
        await second.say(started_for(send), delta(1, "Hello"), completed(2))
        assert (await handle.ended()).answer == "Hello"


async def test_a_frame_of_the_turn_says_that_it_was_accepted(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        first = await edge.session()
        handle = client.ask(CONVERSATION, "Hi")
        send = await first.hear(Send)
        await first.say(asked_for(send), started_for(send), delta(1, "a"))
        await shows(handle, "a")
        first.abort()
        second = await edge.session()
        await watch_again(second, running(seq_of(1, 1)))
        await second.say(completed(2))
        await handle.ended()
        assert second.hears_nothing()


async def test_a_hole_is_answered_by_watching_again_without_the_turn(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client, delta(1, "a"), delta(3, "c"), delta(4, "d"))
        assert await watch_again(session, running(seq_of(1, 4))) == {}
        await session.say(snapshot(seq_of(1, 4), "abcd"), delta(5, "e"), completed(6))
        assert (await handle.ended()).answer == "abcde"
        assert session.hears_nothing(), "one hole, one watch"


async def test_a_turn_that_ended_while_it_was_held_is_asked_for_by_name(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client, delta(1, "a"), completed(3))
        assert await watch_again(session) == {}
        listed = WatchedTurn(TURN, seq_of(1, 3), TurnStatus.COMPLETED)
        assert await watch_again(session, listed) == {TURN: seq_of(1, 1)}
        await session.say(snapshot(seq_of(1, 3), "ab", TurnStatus.COMPLETED))
        assert (await handle.ended()).answer == "ab"


async def test_a_turn_that_was_asked_for_by_name_and_is_not_in_the_reply_is_left_in_peace(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client, delta(1, "a"))
        await shows(handle, "a")
        watching = asyncio.create_task(client.watch(CONVERSATION))
        assert await watch_again(session) == {TURN: seq_of(1, 1)}
        await watching
        await session.say(delta(2, "b"))
        await shows(handle, "ab")
        assert session.hears_nothing()


async def test_an_unknown_outcome_of_a_send_leads_to_the_same_request_again(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        handle = client.ask(CONVERSATION, "Hi")
        send = await session.hear(Send)
        await session.say(error_frame(ErrorCode.ACCEPT_UNKNOWN, request_id=str(send.request_id)))
        assert await accept(session) == send
        await session.say(started_for(send), completed(1))
        await handle.ended()


async def test_a_turn_that_the_edge_does_not_know_is_asked_for_again_and_may_begin_anew(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        first, handle = await begin(edge, client, delta(1, "lost"), delta(2, "!"))
        await shows(handle, "lost!")
        first.abort()
        second = await edge.session()
        await watch_again(second, WatchedTurn(TURN, 0, TurnStatus.UNKNOWN))
        send = await accept(second)
        await second.say(started_for(send), delta(1, "new"), completed(2))
        assert (await handle.ended()).answer == "new"


async def test_a_rejected_question_raises_with_its_code(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        handle = client.ask(CONVERSATION, "Hi", "no-such")
        send = await session.hear(Send)
        await session.say(rejected_frame(str(send.request_id), ErrorCode.OVERLOADED, retry_after_ms=700))
        with pytest.raises(RequestRejected) as refused:
            await handle.ended()
    assert (refused.value.code, refused.value.temporary, refused.value.retry_after_ms) == ("overloaded", True, 700)


async def test_a_draining_edge_is_left_in_time_and_the_answer_goes_on_elsewhere(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        first, handle = await begin(edge, client, delta(1, "a"))
        await first.say(Draining(reconnect_within_ms=50))
        second = await edge.session()
        await first.closed()
        assert await watch_again(second, running(seq_of(1, 1))) == {TURN: seq_of(1, 1)}
        await second.say(delta(2, "b"), completed(3))
        assert (await handle.ended()).answer == "ab"


@pytest.mark.parametrize("close_code", [1000, 1001, 1011, 1012, 1013, 4409, 4429])
async def test_these_closes_are_answered_by_coming_back(edge: ScriptedEdge, close_code: int) -> None:
    async with connected(edge) as client:
        await (await edge.session()).close(close_code)
        await edge.session()
        assert client.failure is None


@pytest.mark.parametrize(
    ("close_code", "failure"), [(4401, SignInAgain), (4400, SessionRefused), (1008, SessionRefused)]
)
async def test_these_closes_end_the_client_and_whoever_waits_hears_it(
    edge: ScriptedEdge, close_code: int, failure: type[SamvadError]
) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client)
        await session.close(close_code)
        with pytest.raises(failure):
            await handle.ended()


async def test_an_expired_token_is_renewed_where_the_program_knows_how(edge: ScriptedEdge) -> None:
    async def sign_in() -> str:
        return "fresh"

    edge.refused_tokens = {"stale"}
    async with SamvadClient(edge.url, "stale", sign_in=sign_in):
        assert (await edge.session()).token == "fresh"


async def test_a_question_is_answered_again_and_said_again_until_it_is_accepted(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client, completed(1))
        question_id = (await handle.ended()).question_id
        assert question_id is not None
        other = client.regenerate(CONVERSATION, question_id, "smart")
        again = await session.hear(Regenerate)
        assert (str(again.message_id), again.model) == (question_id, "smart")
        session.abort()
        session = await edge.session()
        await watch_again(session)
        assert await session.hear(Regenerate) == again
        assert other.view.question == ""
        turn_id = new_id()
        await session.say(Accepted(str(again.request_id), turn_id))
        question = UserMessage(handle.view.question, id=question_id)
        begun = msgspec.structs.replace(started(), request_id=str(again.request_id), user_message=question)
        await session.say(*(msgspec.structs.replace(frame, turn_id=turn_id) for frame in (begun, completed(1))))
        view = await other.ended()
        assert (view.turn_id, view.question_id, view.question) == (turn_id, question_id, question.text)


async def test_a_fresh_token_that_is_refused_too_ends_the_client(edge: ScriptedEdge) -> None:
    async def sign_in() -> str:
        return "just as stale"

    edge.refused_tokens = {"stale", "just as stale"}
    async with SamvadClient(edge.url, "stale", sign_in=sign_in) as client:
        with pytest.raises(SignInAgain):
            await client.watch(CONVERSATION)


async def test_a_silent_edge_is_dead_after_two_heartbeats(edge: ScriptedEdge) -> None:
    edge.heartbeat_seconds = 1
    async with SamvadClient(edge.url, "token", heartbeats_of_silence=0.05):
        await edge.session()
        await edge.session()


async def test_an_edge_that_is_not_there_yet_is_tried_until_it_comes() -> None:
    async with scripted_edge() as gone:
        url = gone.url
    async with SamvadClient(url, "token") as client:
        handle = client.ask(CONVERSATION, "Hi")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle.ended(), 0.05)
        assert (client.connected.is_set(), client.failure) == (False, None)


async def test_a_server_of_another_protocol_is_refused() -> None:
    async with scripted_edge(subprotocol="other.v1") as other, SamvadClient(other.url, "token") as client:
        with pytest.raises(SessionRefused):
            await client.watch(CONVERSATION)


async def test_a_stop_names_the_turn_and_is_repeated_after_a_reconnect_until_the_end(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        first, handle = await begin(edge, client, delta(1, "a"))
        await shows(handle, "a")
        await handle.stop()
        assert str((await first.hear(Stop)).turn_id) == TURN
        first.abort()
        second = await edge.session()
        await watch_again(second, running(seq_of(1, 1)))
        assert str((await second.hear(Stop)).turn_id) == TURN
        await second.say(stopped(2))
        view = await handle.ended()
        await handle.stop()
        assert second.hears_nothing()
    assert (view.answer, view.status) == ("a", TurnStatus.STOPPED)


async def test_a_stop_before_accepted_names_the_request(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        handle = client.ask(CONVERSATION, "Hi")
        await handle.stop()
        send, stop = await session.hear(Send), await session.hear(Stop)
    assert (stop.request_id, str(stop.conversation_id), stop.turn_id) == (send.request_id, CONVERSATION, None)


async def test_a_stop_of_a_turn_that_the_edge_does_not_know_yet_is_repeated(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client)
        await shows(handle, "")
        await handle.stop()
        await session.hear(Stop)
        await session.say(error_frame(ErrorCode.UNKNOWN_TURN, frame_type="stop"))
        await watch_again(session, running(seq_of(1, 0)))
        await session.hear(Stop)


async def test_watching_names_the_turns_that_another_device_asked_for(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        watching = asyncio.create_task(client.watch(CONVERSATION))
        await watch_again(session, running(seq_of(1, 1)))
        conversation = await watching
        (turn,) = conversation.open_turns()
        handle = client.follow(turn)
        await session.say(snapshot(seq_of(1, 1), "so far"), delta(2, ", so good"), completed(3))
        assert (await handle.ended()).answer == "so far, so good"


async def test_a_watch_that_the_edge_refuses_raises_with_its_code(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        watching = asyncio.create_task(client.watch(CONVERSATION))
        await session.hear(Watch)
        await session.say(error_frame(ErrorCode.TOO_MANY_WATCHED, frame_type="watch"))
        with pytest.raises(EdgeRefused, match="too many"):
            await watching


async def test_a_watch_that_the_edge_cannot_serve_now_is_repeated(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        await client.connected.wait()
        session = await edge.session()
        watching = asyncio.create_task(client.watch(CONVERSATION))
        await session.hear(Watch)
        await session.say(error_frame(ErrorCode.HISTORY_UNAVAILABLE, frame_type="watch"))
        await watch_again(session)
        await watching


async def test_unwatching_forgets_and_tells_who_still_waits(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        session, handle = await begin(edge, client)
        await shows(handle, "")
        waiting = asyncio.create_task(handle.ended())
        await session.say(delta(1, "a"))
        await shows(handle, "a")
        await asyncio.sleep(0)  # lets the other one wait again
        client.unwatch(CONVERSATION)
        await session.hear(Unwatch)
        with pytest.raises(ClientClosed):
            await waiting


async def test_frames_of_unknown_types_are_ignored_and_reported_to_the_observer(edge: ScriptedEdge) -> None:
    observer = StrictObserver()
    async with connected(edge, observer) as client:
        session, handle = await begin(edge, client)
        await session.say_raw('{"type": "applause", "volume": 11}')
        await session.say(delta(1, "a"), completed(2))
        assert (await handle.ended()).answer == "a"
    assert len(observer.violations) == 1


async def test_leaving_the_client_frees_whoever_waits(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        waiting = asyncio.create_task(client.ask(CONVERSATION, "Hi").ended())
        await edge.session()
    with pytest.raises(ClientClosed):
        await waiting


async def test_a_question_larger_than_a_frame_is_refused_before_it_is_sent(edge: ScriptedEdge) -> None:
    async with connected(edge) as client:
        with pytest.raises(QuestionTooLong):
            client.ask(CONVERSATION, "x" * 70_000)


async def test_two_conversations_resume_side_by_side(edge: ScriptedEdge) -> None:
    other = new_id()
    async with connected(edge) as client:
        client.ask(CONVERSATION, "one")
        client.ask(other, "two")
        session = await edge.session()
        watched = {(await session.hear(Watch)).conversation_id for _ in range(2)}
        texts = [(await session.hear(Send)).text for _ in range(2)]
    assert watched == {uuid.UUID(CONVERSATION), uuid.UUID(other)}
    assert texts == ["one", "two"]
