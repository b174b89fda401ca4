"""What `samvad users` and `samvad keys` work with: the store that the edges use, and a word to those that run.

In: what to do. Out: it is done, and told on SAMVAD_KAFKA; or a sentence that says why not.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

import typer

from infra.cassandra_settings import CassandraSettings
from infra.cli.refusals import clear_refusals
from infra.kafka_settings import KafkaSettings
from infra.refused import Refused
from infra.settings import SharedSettings
from infra.signals import run
from infra.stores import opened_store
from producers.connected_producer import WriterSettings
from producers.kafka_writer import KafkaWriter
from producers.reply_producer import ReplyProducer
from ws_edge.sign_in import SignInUnavailable
from ws_edge.signing_in.accounts import Accounts, NameTaken, NoSuchUser
from ws_edge.signing_in.api_keys import ApiKeys, KeyParts, TooManyKeys
from ws_edge.signing_in.lately_checked import LatelyChecked
from ws_edge.signing_in.names import BadName, BadPassword
from ws_edge.signing_in.passwords import Passwords
from ws_edge.signing_in.settings import SignInSettings
from ws_edge.signing_in.signing_out import SigningOut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Here:
    """Accounts and keys on this installation's store."""

    accounts: Accounts
    keys: ApiKeys
    signing_out: SigningOut


def do(work: Callable[[Here], Awaitable[T]]) -> T:
    """Runs it; what a user can mend is a sentence and exit code 1."""
    with clear_refusals():
        try:
            return run(_with_store(work))
        except NoSuchUser:
            raise Refused("there is no such account: `samvad users list` shows all there are") from None
        except NameTaken as error:
            raise Refused(f"there is an account {error} already") from error
        except (BadName, BadPassword) as error:
            raise Refused(str(error)) from error
        except TooManyKeys as error:
            raise Refused("the user has as many keys as anybody may have: revoke one (SAMVAD_MAX_API_KEYS)") from error
        except SignInUnavailable as error:
            raise Refused(f"{error}: run this again") from error


def say_where() -> None:
    """After something was made: without SAMVAD_CASSANDRA it may not be the store that was meant."""
    if CassandraSettings().address() is None:
        where = SharedSettings().data / "samvad.db"
        typer.echo(f"made in {where}; SAMVAD_CASSANDRA names the store of edges that run elsewhere", err=True)


def say_if_nobody_was_told() -> None:
    """After something ended."""
    if KafkaSettings().address() is None:
        typer.echo("SAMVAD_KAFKA is not set, so running edges were not told: sockets that are open now stay", err=True)


async def _with_store(work: Callable[[Here], Awaitable[T]]) -> T:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened_store(SharedSettings().data, CassandraSettings()))
        kafka, notices = KafkaSettings().address(), None
        if kafka is not None:
            notices = ReplyProducer(await stack.enter_async_context(KafkaWriter(WriterSettings(kafka, "users"))))
        signing_out = SigningOut(store.sign_ins, store.users, store.api_keys, notices)
        stack.push_async_callback(signing_out.close)
        accounts = Accounts(store.users, Passwords(), signing_out, _now_ms)
        lately, max_keys = LatelyChecked(time.monotonic), SignInSettings().max_api_keys
        keys = ApiKeys(KeyParts(store.api_keys, store.users, lately, _now_ms, max_keys))
        return await work(Here(accounts, keys, signing_out))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
