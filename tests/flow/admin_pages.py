"""What a process's admin server says, read as Prometheus and probes do."""

import asyncio
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import msgspec
from prometheus_client.parser import text_string_to_metric_families

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Page:
    status: int
    text: str

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.text)
        return found


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def __call__(self, name: str, **labels: str) -> float:
        """One sample's value; 0 where there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def label_values(self) -> set[str]:
        return {value for _, labels in self.samples for name, value in labels if name != "le"}


def page_now(address: str, path: str) -> Page:
    """Blocks: for another thread, or while no event loop is needed."""
    try:
        with _opener.open(address + path, timeout=5) as answer:
            return Page(answer.status, answer.read().decode())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Page(refusal.code, refusal.read().decode())


async def page(address: str, path: str) -> Page:
    return await asyncio.to_thread(page_now, address, path)


async def scraped(address: str) -> Scrape:
    """`/metrics`, parsed by Prometheus's own parser."""
    return samples_in((await page(address, "/metrics")).text)


def samples_in(text: str) -> Scrape:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return Scrape({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})
