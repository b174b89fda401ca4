// Plays the vectors of docs/protocol/vectors (docs/protocol.md, 14). Prints what differs, and how many cases passed.

import { deepStrictEqual } from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "./client.mjs";

const folder = process.argv[2];
let passed = 0;
let failed = 0;

for (const name of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  for (const { name: title, steps } of JSON.parse(readFileSync(join(folder, name), "utf8")).cases) {
    try {
      play(steps);
      passed += 1;
    } catch (error) {
      failed += 1;
      console.error(`${name}: ${title}: ${error.message}`);
    }
  }
}
console.log(JSON.stringify({ passed, failed }));
process.exitCode = failed ? 1 : 0;

function play(steps) {
  const client = new Client();
  for (const step of steps) {
    const { say, verdict } = act(client, step);
    deepStrictEqual(say.map(normal), (step.say ?? []).map(normal), JSON.stringify({ step, say }));
    deepStrictEqual(verdict, step.then, JSON.stringify({ step, verdict }));
    if (step.show) show(client, step);
  }
}

function act(client, step) {
  if (step.hear) return client.hear(step.hear);
  if (step.ask) return { say: client.ask(step.ask) };
  if (step.regenerate) return { say: client.regenerate(step.regenerate) };
  if (step.watch) return { say: client.watch(step.watch) };
  if (step.stop?.turn_id) return { say: client.stop(client.turnNamed(step.stop.turn_id)) };
  if (step.stop) return { say: client.stop(client.turnOf(step.stop.request_id)) };
  if (step.reconnect) return { say: client.opened() };
  if (step.pause) return { say: client.paused() };
  throw new Error(`no such step: ${JSON.stringify(step)}`);
}

function show(client, step) {
  const [{ turns }] = client.conversations.values();
  const compared = (wanted, turn) => Object.fromEntries(Object.keys(wanted).map((name) => [name, turn?.[name]]));
  const shown = step.show.map((wanted, at) => compared(wanted, turns[at]));
  deepStrictEqual(shown, step.show, JSON.stringify({ step, shown }));
  deepStrictEqual(turns.length, step.show.length, JSON.stringify({ step, turns }));
}

function normal(frame) {
  const isNamed = ([name, value]) =>
    value !== null && !(name === "after" && !Object.keys(value).length) && !(name === "on_busy" && value === "queue");
  return Object.fromEntries(Object.entries(frame).filter(isNamed).sort());
}
