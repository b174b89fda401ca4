"""`python -m benchmarks.switches`: how long a fault in the middle of an answer holds it up, as its reader sees it.

From the moment when the provider's connection broke (a silent one: when the worker closed it, having waited long
enough) to the next delta on the reader's screen, which another model wrote. One answer at a time, embedded; about 40 s.
"""

import json
import tempfile
import time
from pathlib import Path

from rich.table import Table

from benchmarks.answers import Answer, AnswerBroke
from benchmarks.command import INTERRUPTED, console, failed, load_average, say
from benchmarks.direct import Provider, provider_at
from benchmarks.embedded_system import embedded_system
from benchmarks.figures import spread
from benchmarks.people import Person, people
from benchmarks.processes import DidNotStart
from benchmarks.system import practice_provider, settings
from infra.signals import run

ANSWERS = 30
FAULTS = ("reset12", "truncate12", "stall12")
SPARE = "practice-24x20"
SILENCE_SECONDS = "0.3"


async def _measure() -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        async with practice_provider(Path(folder)) as practice:
            url = practice.said["base_url"]
            environ = _settings(Path(folder), url)
            say("starting broker, worker and edge")
            async with (
                embedded_system(Path(folder), environ) as system,
                people(system.edge_urls, 1) as [someone],
                provider_at(url) as provider,
            ):
                await someone.ask("spare")
                return {fault: await _held_up_ms(someone, provider, fault) for fault in FAULTS}


def _settings(folder: Path, url: str) -> dict[str, str]:
    environ = settings(folder, url, [SPARE])
    Path(environ["SAMVAD_MODELS"]).write_text(json.dumps(_models(url)))
    return environ | {"SAMVAD_GAP_SECONDS": SILENCE_SECONDS}


def _models(url: str) -> dict[str, object]:
    names = {"spare": SPARE} | {fault: f"{SPARE}-{fault}" for fault in FAULTS}
    deployments = [
        {
            "model_name": alias,
            "litellm_params": {"model": f"hosted_vllm/{name}", "api_base": url, "api_key": "none"},
            "model_info": {"supports_assistant_prefill": True},
        }
        for alias, name in names.items()
    ]
    return {"model_list": deployments, "router_settings": {"fallbacks": [{fault: ["spare"]} for fault in FAULTS]}}


async def _held_up_ms(someone: Person, provider: Provider, fault: str) -> list[float]:
    say(f"{ANSWERS} answers that break off by {fault}")
    answers = [await someone.ask(fault) for _ in range(ANSWERS)]
    calls = await provider.calls()
    return [_next_shown_ms(answer, calls[answer.marker].closed_at_ns or 0) for answer in answers]


def _next_shown_ms(answer: Answer, broken_at_ns: int) -> float:
    after = [shown_ns for shown_ns in answer.shown_ns[answer.shown_before_switch :] if shown_ns >= broken_at_ns]
    if not answer.shown_before_switch or not after:
        raise AnswerBroke("an answer was not gone on with by another model")
    return (after[0] - broken_at_ns) / 1e6


def main() -> int:
    """The command. Ends with 130 on Ctrl-C, and with 1 and a sentence when something does not start."""
    began, load = time.monotonic(), load_average()
    try:
        found = run(_measure())
    except KeyboardInterrupt:
        return INTERRUPTED
    except (AnswerBroke, DidNotStart) as error:
        return failed(str(error))
    table = Table("fault → next delta, ms", "p50", "p99", "worst", "answers")
    for fault, milliseconds in found.items():
        figures = spread(milliseconds)
        table.add_row(fault, *(f"{ms:.1f}" for ms in (figures.p50, figures.p99, figures.max)), str(figures.samples))
    console.print(table)
    console.print(f"Load average before the run: {load}; {time.monotonic() - began:.0f} s", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
