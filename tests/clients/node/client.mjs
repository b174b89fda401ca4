// Everything a client holds, and what it has to say next (docs/protocol.md, 4 and 7 to 13). No network here.
//
// In: what the user wants, a new session (`opened`), and every frame (`hear`). Out: the frames to say. After a frame
// that asks for a pause `wantsPause` is true: wait, then say what `paused()` gives.

import { hasEnded, isTurnFrame, newTurn, take } from "./turn.mjs";

const MAX_AFTER = 50;
const OPEN = new Set(["queued", "running"]);

export class Client {
  conversations = new Map();
  wantsPause = false;
  #asked = new Map(); // request_id -> { frame, isConfirmed }
  #watchAgain = false;
  #askAgain = new Set();
  #named = new Set(); // turns that an `after` of this session named, and of which nothing was applied since

  ask({ request_id, conversation_id, text, model }) {
    return this.#say({ type: "send", request_id, conversation_id, text, ...(model && { model }) });
  }

  regenerate({ request_id, conversation_id, message_id, model }) {
    return this.#say({ type: "regenerate", request_id, conversation_id, message_id, ...(model && { model }) });
  }

  watch(conversation_id) {
    return [this.#watch(this.#conversation(conversation_id))];
  }

  stop(turn) {
    if (hasEnded(turn)) return [];
    turn.stopWanted = true;
    return [this.#stopOf(turn)];
  }

  /** What a new session has to hear after `ready`. */
  opened() {
    this.wantsPause = this.#watchAgain = false;
    this.#askAgain.clear();
    this.#named.clear();
    const watches = [...this.conversations.values()].map((conversation) => this.#watch(conversation));
    return [...watches, ...this.#unconfirmed().flatMap(({ frame }) => [frame, ...this.#earlyStop(frame)])];
  }

  /** The pause is over. */
  paused() {
    this.wantsPause = false;
    const said = this.#watchAgain ? this.#waiting().map((conversation) => this.#watch(conversation)) : [];
    const again = this.#askAgain;
    this.#askAgain = new Set();
    this.#watchAgain = false;
    for (const { frame } of this.#unconfirmed()) {
      if (again.has(frame.request_id)) said.push(frame);
      said.push(...this.#earlyStop(frame));
    }
    return said;
  }

  turnOf(request_id) {
    for (const { turns } of this.conversations.values()) {
      const turn = turns.find((turn) => turn.request_id === request_id);
      if (turn) return turn;
    }
    return undefined;
  }

  turnNamed(turn_id) {
    for (const { turns } of this.conversations.values()) {
      const turn = turns.find((turn) => turn.turn_id === turn_id);
      if (turn) return turn;
    }
    return undefined;
  }

  /** A frame came: what to say, and for a turn's frame the verdict. */
  hear(frame) {
    if (isTurnFrame(frame)) return this.#hearTurn(frame);
    const hearing = {
      accepted: () => this.#accepted(frame),
      rejected: () => this.#rejected(frame.request_id, frame.code),
      watching: () => this.#watching(frame),
      error: () => this.#error(frame),
      ready: () => [],
      pong: () => [],
      conversation: () => [],
      draining: () => [],
    };
    if (!Object.hasOwn(hearing, frame.type ?? "")) return { verdict: "ignored", say: [] };
    return { say: hearing[frame.type]() };
  }

  #say(frame) {
    this.#asked.set(frame.request_id, { frame, isConfirmed: false });
    const { request_id, text = "", model = "" } = frame;
    this.#conversation(frame.conversation_id).turns.push(newTurn({ request_id, question: text, model }));
    return [frame];
  }

  #conversation(conversation_id) {
    if (!this.conversations.has(conversation_id)) {
      this.conversations.set(conversation_id, { conversation_id, turns: [], isWatched: false });
    }
    return this.conversations.get(conversation_id);
  }

  #watch(conversation, after = afterOf(conversation)) {
    for (const turn_id of Object.keys(after)) this.#named.add(turn_id);
    const { conversation_id } = conversation;
    return { type: "watch", conversation_id, ...(Object.keys(after).length && { after }) };
  }

  #hearTurn(frame) {
    const conversation = this.conversations.get(frame.conversation_id);
    if (!conversation) return { verdict: "ignored", say: [] };
    if (frame.request_id) this.#bind(conversation, frame.request_id, frame.turn_id);
    const turn = this.#turn(conversation, frame.turn_id);
    const verdict = take(turn, frame);
    this.#confirm(turn);
    if (verdict !== "dropped") this.#named.delete(turn.turn_id);
    const say = verdict === "hole" ? [this.#watch(conversation)] : [];
    return { verdict, say: verdict === "dropped" ? say : [...say, ...this.#owedStop(turn)] };
  }

  #turn(conversation, turn_id) {
    let turn = conversation.turns.find((turn) => turn.turn_id === turn_id);
    if (!turn) conversation.turns.push((turn = newTurn({ turn_id })));
    return turn;
  }

  /** This request is this turn: one turn, in the place of the question, with what its frames brought. */
  #bind(conversation, request_id, turn_id) {
    const mine = conversation.turns.find((turn) => turn.request_id === request_id);
    const named = conversation.turns.find((turn) => turn.turn_id === turn_id);
    if (mine && named && mine !== named) {
      conversation.turns = conversation.turns.filter((turn) => turn !== named);
      Object.assign(mine, named, { question: named.question || mine.question, stopWanted: mine.stopWanted || named.stopWanted });
    }
    Object.assign(mine ?? this.#turn(conversation, turn_id), { request_id, turn_id });
  }

  #confirm(turn) {
    const asked = this.#asked.get(turn.request_id);
    if (asked) asked.isConfirmed = true;
    if (hasEnded(turn)) this.#asked.delete(turn.request_id);
  }

  #accepted({ request_id, turn_id }) {
    const asked = this.#asked.get(request_id);
    if (!asked) return [];
    const conversation = this.#conversation(asked.frame.conversation_id);
    this.#bind(conversation, request_id, turn_id);
    const turn = this.#turn(conversation, turn_id);
    this.#confirm(turn);
    return this.#owedStop(turn);
  }

  #rejected(request_id, code) {
    const asked = this.#asked.get(request_id);
    if (!asked || asked.isConfirmed) return []; // what was accepted ends by a frame of its turn
    const turn = this.turnOf(request_id);
    if (this.#asked.delete(request_id) && turn) Object.assign(turn, { status: "rejected", code });
    return [];
  }

  #watching(frame) {
    const conversation = this.conversations.get(frame.conversation_id);
    if (!conversation) return [];
    conversation.isWatched = true;
    for (const { turn_id, status } of frame.turns) {
      const known = conversation.turns.find((turn) => turn.turn_id === turn_id);
      if (OPEN.has(status) && (!known || known.status === "unknown")) this.#turn(conversation, turn_id).status = status;
    }
    return [
      ...this.#unknown(conversation, frame),
      ...this.#notListed(conversation, frame),
      ...openTurns(conversation)
        .filter((turn) => turn.stopWanted && turn.turn_id && turn.status !== "unknown")
        .map((turn) => this.#stopOf(turn)),
    ];
  }

  #unknown(conversation, { turns }) {
    const said = [];
    for (const { turn_id } of turns.filter(({ status }) => status === "unknown")) {
      const turn = conversation.turns.find((turn) => turn.turn_id === turn_id && !hasEnded(turn));
      if (!turn) continue;
      turn.status = "unknown";
      turn.owesStop = turn.stopWanted;
      const asked = this.#asked.get(turn.request_id);
      if (!asked?.isConfirmed) continue; // nothing to say again, or it is under way
      asked.isConfirmed = false;
      turn.seq = -1;
      said.push(asked.frame);
    }
    return said;
  }

  #notListed(conversation, { turns }) {
    const listed = new Set(turns.map(({ turn_id }) => turn_id));
    const missing = openTurns(conversation).filter(({ turn_id }) => turn_id && !listed.has(turn_id));
    if (missing.every(({ turn_id }) => this.#named.has(turn_id))) return [];
    return [this.#watch(conversation, cursorsOf(missing))];
  }

  #error({ code, temporary, request_id, frame_type }) {
    if (frame_type === "watch") this.#named.clear();
    if (code === "unknown_turn" || (frame_type === "stop" && temporary)) {
      this.#watchAgain = this.wantsPause = true;
    } else if (frame_type === "stop") {
      return []; // the question goes on
    } else if (request_id && temporary) {
      this.#askAgain.add(request_id);
      this.wantsPause = true;
    } else if (request_id) {
      this.#rejected(request_id, code);
    } else if (frame_type === "watch" && temporary) {
      this.#watchAgain = this.wantsPause = true;
    }
    return [];
  }

  #waiting() {
    return [...this.conversations.values()].filter((one) => !one.isWatched || openTurns(one).length);
  }

  #unconfirmed() {
    return [...this.#asked.values()].filter(({ isConfirmed }) => !isConfirmed);
  }

  #earlyStop({ request_id }) {
    const turn = this.turnOf(request_id);
    return turn?.stopWanted && !turn.turn_id ? [this.#stopOf(turn)] : [];
  }

  /** The stop of a turn that an edge did not know, and knows now. */
  #owedStop(turn) {
    return turn.owesStop && !hasEnded(turn) ? [this.#stopOf(turn)] : [];
  }

  #stopOf(turn) {
    turn.owesStop = false;
    if (turn.turn_id) return { type: "stop", turn_id: turn.turn_id };
    const { conversation_id } = this.#asked.get(turn.request_id).frame;
    return { type: "stop", request_id: turn.request_id, conversation_id };
  }
}

const openTurns = ({ turns }) => turns.filter((turn) => !hasEnded(turn));

const cursorsOf = (turns) =>
  Object.fromEntries(turns.slice(-MAX_AFTER).map(({ turn_id, seq }) => [turn_id, Math.max(0, seq)]));

function afterOf(conversation) {
  const isKnown = (turn) => turn.turn_id && (turn.seq >= 0 || turn.request_id !== null);
  return cursorsOf(openTurns(conversation).filter((turn) => isKnown(turn) && !turn.held));
}
