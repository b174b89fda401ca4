"""`samvad dead-letters`: the records that no worker could read, and what to do about them."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from infra.cli.refusals import clear_refusals
from infra.dead_letters.handling import mark, redrive
from infra.dead_letters.letters import Letter, Letters, Source
from infra.dead_letters.reading import read_letters
from infra.dead_letters.showing import as_json, escaped, listed, shown
from infra.kafka_settings import KafkaSettings
from infra.refused import Refused
from infra.signals import run
from producers.connected_producer import WriterSettings
from producers.errors import WriteError
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from schemas.dead_letters import Handling

SOURCE = Annotated[str, typer.Argument(help="the letter's name in the list, such as chat.requests/3/77")]
SOURCES = Annotated[list[str], typer.Argument(help="the letters' names in the list, such as chat.requests/3/77")]
JSON = Annotated[bool, typer.Option("--json", help='for programs: bytes that are no UTF-8 are {"hex": ...}')]

Handle = Callable[[KafkaWriter, Letter], Awaitable[None]]

app = typer.Typer(
    help="Records on chat.dead-letters that no worker could read. Exit code 1 where a letter was not as expected.",
    no_args_is_help=True,
)


@app.command("list")
def list_letters(
    every: Annotated[bool, typer.Option("--all", help="also those that were redriven or dropped")] = False,
    json_: JSON = False,
) -> None:
    """Show the open letters, oldest first. Nothing is changed."""
    with clear_refusals():
        letters = run(read_letters(_kafka()))
    found = letters.all() if every else letters.open()
    if json_:
        print(json.dumps([as_json(letter, with_value=False) for letter in found]))
        return
    print("\n".join(listed(found)) if found else "no dead letters" + ("" if every else " are open"))
    if letters.nameless:
        typer.secho(f"{letters.nameless} records of the topic are no letters: not shown", err=True)


@app.command()
def show(source: SOURCE, json_: JSON = False) -> None:
    """Show one letter whole: reason, headers and bytes. These are a user's: mind who looks on."""
    with clear_refusals():
        letter = _find(run(read_letters(_kafka())), source)
    print(json.dumps(as_json(letter, with_value=True)) if json_ else "\n".join(shown(letter)))


@app.command("redrive")
def redrive_letters(sources: SOURCES) -> None:
    """Write each letter's record, as it was, to its source topic once more. What was redriven already stays so."""
    with clear_refusals():
        _handle_all(sources, Handling.REDRIVEN, redrive, _after_redrive)


@app.command()
def drop(
    sources: SOURCES,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Mark letters as handled without doing anything about them. Their bytes stay for the topic's 30 days."""
    if not yes:
        typer.confirm(f"Drop {len(sources)} letter{'s' if len(sources) > 1 else ''} for good?", abort=True, err=True)
    with clear_refusals():
        _handle_all(sources, Handling.DROPPED, _drop, lambda _: "dropped")


async def _drop(writer: KafkaWriter, letter: Letter) -> None:
    await mark(writer, letter, Handling.DROPPED)


def _handle_all(sources: list[str], wanted: Handling, handle: Handle, say: Callable[[Letter], str]) -> None:
    kafka = _kafka()
    letters = run(read_letters(kafka))
    found = [_find(letters, source) for source in dict.fromkeys(sources)]
    run(_write(kafka, [letter for letter in found if letter.handled is None], handle, say))
    handled = [letter for letter in found if letter.handled is not None]
    for letter in handled:
        print(f"{letter.source}: was {letter.handled} before; nothing was done")
    if any(letter.handled is not wanted for letter in handled):
        raise typer.Exit(1)


async def _write(kafka: KafkaAddress, letters: list[Letter], handle: Handle, say: Callable[[Letter], str]) -> None:
    try:
        async with KafkaWriter(WriterSettings(kafka, "dead-letters")) as writer:
            for letter in letters:
                await handle(writer, letter)
                print(f"{letter.source}: {say(letter)}")
    except WriteError as error:
        raise Refused(f"not written: {error}. What is not named above is still open: run this again") from error


def _after_redrive(letter: Letter) -> str:
    said = f"written to {letter.source.topic} again"
    if letter.turn_id is None:
        return said
    return (
        f"{said}. Turn {escaped(letter.turn_id)} ended as failed (unreadable) when this record was set aside, and keeps"
        " that end: its user has to ask again"
    )


def _find(letters: Letters, source: str) -> Letter:
    try:
        letter = letters.get(Source.parsed(source))
    except ValueError:
        raise Refused(f"{escaped(source)} names no letter: they are named like chat.requests/3/77") from None
    if letter is None:
        raise Refused(
            f"there is no dead letter {escaped(source)}: `samvad dead-letters list --all` shows all there are"
        )
    return letter


def _kafka() -> KafkaAddress:
    address = KafkaSettings().address()
    if address is None:
        raise Refused(
            "name the Kafka brokers: SAMVAD_KAFKA=127.0.0.1:9092 (the broker inside `samvad chat` forgets its letters"
            " with everything else when it ends)"
        )
    return address
