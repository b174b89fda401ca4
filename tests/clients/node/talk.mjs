// One question and its answer, whatever becomes of the connection.
//
// In, from the environment: EDGES (addresses, comma-separated), TOKEN, CONVERSATION, QUESTION, MODEL. Out: a JSON line
// whenever more is shown, the last one with the end.

import { randomUUID } from "node:crypto";
import { Client } from "./client.mjs";
import { Session } from "./session.mjs";
import { hasEnded } from "./turn.mjs";

const { EDGES, TOKEN, CONVERSATION: conversation_id, QUESTION: text, MODEL: model } = process.env;
const request_id = randomUUID();
const verdicts = { applied: 0, dropped: 0, hole: 0 };
const client = new Client();
const session = new Session({ client, edges: EDGES.split(","), token: TOKEN, changed });

client.ask({ request_id, conversation_id, text, model });
await session.run();

function changed(_, verdict) {
  if (verdict) verdicts[verdict] += 1;
  const turn = client.turnOf(request_id);
  const { status, text, answer_id, code } = turn;
  const end = hasEnded(turn) ? { text, answer_id, code, sessions: session.sessions, verdicts } : {};
  console.log(JSON.stringify({ status, shown: text.length, ...end }));
  if (hasEnded(turn)) session.close();
}
