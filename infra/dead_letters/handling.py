"""What a person has done about a letter: its record written once more, or not; and the mark that says so.

In: a letter and a writer. Out: records. The record comes before its mark, so after a crash in between it is written
twice: the turn's id makes that one effect.
"""

from infra.dead_letters.letters import Letter
from producers.kafka_writer import KafkaWriter, Place, Record
from schemas.dead_letters import Handling, mark_headers
from schemas.topics import DEAD_LETTERS

ACK_SECONDS = 10.0


async def redrive(writer: KafkaWriter, letter: Letter) -> None:
    """Writes the record with its own key, bytes and headers to its topic. Raises WriteError."""
    await writer.write(record_again(letter), ACK_SECONDS)
    await mark(writer, letter, Handling.REDRIVEN)


async def mark(writer: KafkaWriter, letter: Letter, handling: Handling) -> None:
    """Notes what was done. Raises WriteError."""
    source = str(letter.source)
    await writer.write(Record(DEAD_LETTERS.name, source, b"", mark_headers(source, handling)), ACK_SECONDS)


def record_again(letter: Letter) -> Record:
    """The record as it was. A key that is text says its partition, also where the topic was grown meanwhile; for any
    other the record goes back to the partition that it came from.
    """
    try:
        key = (letter.key or b"").decode()
    except UnicodeDecodeError:
        key = ""
    place = None if key else Place(letter.source.partition, letter.key)
    return Record(letter.source.topic, key, letter.value, letter.headers, place)
