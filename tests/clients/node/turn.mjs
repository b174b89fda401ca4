// One turn, and the client rule (docs/protocol.md, 5 and 6). Pure.

const FRAMES_PER_ATTEMPT = 1_000_000;
const TERMINAL = new Set(["completed", "stopped", "failed"]);

export const isTerminal = (status) => TERMINAL.has(status);
const attemptOf = (seq) => Math.floor(seq / FRAMES_PER_ATTEMPT);

export function newTurn(fields) {
  return {
    turn_id: null,
    request_id: null,
    status: "queued",
    text: "",
    reasoning: "",
    question: "",
    model: "",
    seq: -1,
    held: false,
    code: null,
    waiting: null,
    answer_id: null,
    stopWanted: false,
    owesStop: false,
    ...fields,
  };
}

export const hasEnded = (turn) => isTerminal(turn.status) || turn.status === "rejected";

/** Takes one frame of this turn: "applied", "dropped" or "hole". */
export function take(turn, frame) {
  if (hasEnded(turn)) return "dropped";
  if (frame.type === "queued") return takeQueued(turn, frame);
  if (frame.type === "snapshot") {
    if (!isTerminal(frame.status) && frame.seq < turn.seq) return "dropped";
  } else if (frame.seq <= turn.seq) {
    return "dropped";
  } else if (!follows(turn.seq, frame)) {
    if (turn.held) return "dropped";
    turn.held = true;
    return "hole";
  }
  turn.seq = Math.max(turn.seq, frame.seq);
  turn.held = false;
  turn.waiting = null;
  SHOW[frame.type](turn, frame);
  return "applied";
}

function takeQueued(turn, frame) {
  if (frame.attempt < Math.max(0, attemptOf(turn.seq))) return "dropped";
  turn.status = "queued";
  turn.waiting = { position: frame.position, eta_ms: frame.eta_ms };
  return "applied";
}

function follows(seq, frame) {
  if (attemptOf(frame.seq) === attemptOf(seq)) return frame.seq === seq + 1;
  if (frame.type === "started") return frame.seq % FRAMES_PER_ATTEMPT === 0;
  return frame.type === "asked" && seq === -1;
}

const SHOW = {
  asked(turn, frame) {
    turn.question = frame.user_message.text;
    turn.model = frame.model;
  },
  started(turn, frame) {
    Object.assign(turn, { status: "running", text: "", reasoning: "", model: frame.model, answer_id: frame.answer_id });
    turn.question = frame.user_message.text;
  },
  delta(turn, frame) {
    turn.status = "running";
    if ((frame.kind ?? "answer") === "answer") turn.text += frame.text;
    else if (frame.kind === "reasoning") turn.reasoning += frame.text;
  },
  switched(turn, frame) {
    turn.status = "running";
    turn.text = [...turn.text].slice(0, frame.keep).join("");
    turn.model = frame.to_model;
  },
  snapshot(turn, frame) {
    const { status, text, model, answer_id = null, code = null } = frame;
    Object.assign(turn, { status, text, model, answer_id, code, reasoning: "" });
    if (frame.user_message) turn.question = frame.user_message.text;
  },
  completed: end,
  stopped: end,
  failed(turn, frame) {
    Object.assign(turn, { status: "failed", code: frame.code, answer_id: frame.answer_id });
  },
};

function end(turn, frame) {
  Object.assign(turn, { status: frame.type, model: frame.model, answer_id: frame.answer_id });
}

const END = { finish_reason: "string", usage: "object", model: "string", answer_id: "string" };
const FIELDS = {
  queued: { attempt: "number" },
  asked: { seq: "number", request_id: "string", user_message: "object", model: "string" },
  started: { seq: "number", request_id: "string", user_message: "object", model: "string", answer_id: "string" },
  delta: { seq: "number", text: "string" },
  switched: { seq: "number", keep: "number", to_model: "string" },
  snapshot: { seq: "number", text: "string", status: "string", model: "string" },
  completed: { seq: "number", ...END },
  stopped: { seq: "number", ...END },
  failed: { seq: "number", code: "string", text: "string", answer_id: "string" },
};

/** Frames of turns that this client knows, and can read. */
export const isTurnFrame = (frame) =>
  Object.hasOwn(FIELDS, frame.type ?? "") &&
  Object.entries({ conversation_id: "string", turn_id: "string", ...FIELDS[frame.type] }).every(
    ([name, type]) => frame[name] !== null && typeof frame[name] === type,
  );
