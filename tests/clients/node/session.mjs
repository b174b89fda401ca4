// Keeps a client connected (docs/protocol.md, 1 to 3 and 11). The WebSocket is the one that Node brings along.

const SUBPROTOCOL = "samvad.v1";
const READY_SECONDS = 10;
const SETTLED_SECONDS = 10;
const STAY_AWAY = new Set([1000, 1003, 1008, 1009, 4400]);
const NOT_SIGNED_IN = 4401;

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const isStop = ({ type }) => type === "stop";
const showsThatItWorks = ({ type }, say) => type === "accepted" || (type === "watching" && !say.some(isStop));

/** Full jitter: 0 to a ceiling that doubles with each failure in a row. */
export const pauseSeconds = (failures) => Math.random() * Math.min(5, 0.2 * 2 ** Math.min(failures, 10));

export class Session {
  sessions = 0;
  #client;
  #edges;
  #token;
  #changed;
  #socket = null;
  #refusals = 0;
  #pausing = null;
  #isReady = false;
  #isOver = false;

  /** `edges`: addresses, taken in turns. `changed(frame, verdict)` is called after every frame. */
  constructor({ client, edges, token, changed }) {
    this.#client = client;
    this.#edges = edges;
    this.#token = token;
    this.#changed = changed;
  }

  /** Comes back after every loss, until `close()` or a close code that forbids it. */
  async run() {
    for (let failures = 0, at = 0; !this.#isOver; at += 1) {
      const began = Date.now();
      const code = await this.#once(this.#edges[at % this.#edges.length]);
      if (this.#isOver) return;
      if (STAY_AWAY.has(code) || code === NOT_SIGNED_IN) throw new Error(`closed with ${code}`);
      if (Date.now() - began >= SETTLED_SECONDS * 1000) failures = 0;
      await sleep(pauseSeconds(failures));
      failures += 1;
    }
  }

  /** What is said without a connection is lost; the client says it again when there is one. */
  say(frames) {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.#isReady) return;
    for (const frame of frames) this.#socket.send(JSON.stringify(frame));
  }

  close() {
    this.#isOver = true;
    this.#socket?.close();
  }

  #once(edge) {
    this.#isReady = false;
    const socket = (this.#socket = new WebSocket(`${edge.replace(/^http/, "ws")}/v1/ws`, SUBPROTOCOL));
    return new Promise((resolve) => {
      let silence;
      const ended = (code) => {
        clearTimeout(silence);
        this.#isReady = false;
        resolve(code);
      };
      const alive = (seconds) => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          socket.close();
          ended(1006); // a peer that is silent does not answer a close either
        }, seconds * 1000);
      };
      let patience = READY_SECONDS;
      alive(patience);
      socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.#token }));
      socket.onclose = ({ code }) => ended(code);
      socket.onerror = () => {}; // the close follows
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === "ready") patience = 2 * frame.heartbeat_seconds;
        alive(patience);
        this.#hear(frame, socket);
      };
    });
  }

  #hear(frame, socket) {
    if (frame.type === "ready" && !this.#isReady) {
      this.#isReady = true;
      this.sessions += 1;
      clearTimeout(this.#pausing); // all that it would say is said now
      this.#pausing = null;
      this.say(this.#client.opened());
    } else if (frame.type === "draining") {
      setTimeout(() => socket.close(), Math.random() * frame.reconnect_within_ms);
    }
    const { say, verdict } = this.#client.hear(frame);
    this.say(say);
    if (this.#client.wantsPause) this.#pause();
    if (showsThatItWorks(frame, say)) this.#refusals = 0;
    this.#changed(frame, verdict);
  }

  #pause() {
    if (this.#pausing) return;
    const wait = pauseSeconds(this.#refusals) * 1000;
    this.#refusals += 1;
    this.#pausing = setTimeout(() => {
      this.#pausing = null;
      this.say(this.#client.paused());
    }, wait);
  }
}
