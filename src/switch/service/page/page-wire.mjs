/** Requests to the service, and its stream of events. Everything goes to this page's own origin. */

const REQUEST_MS = 6_000;

/** No answer came: the network, or the time limit. */
export class NoAnswer extends Error {}

/**
 * One request; throws NoAnswer where none comes within six seconds.
 *
 * @returns {Promise<{ status: number, body: any, retryAfter: string | null }>} body: null where there is no JSON
 */
export async function request(method, path, { body, headers = {} } = {}) {
  try {
    const response = await fetch(path, {
      method,
      headers: { accept: "application/json", ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text), retryAfter: response.headers.get("retry-after") };
  } catch (error) {
    throw new NoAnswer("no answer", { cause: error });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

let lastKey = { order: "", key: "" };

/** One key for one order, however often it is sent: until it is answered, or another is given. */
function keyFor(order) {
  if (lastKey.order !== order) lastKey = { order, key: randomKey() };
  return lastKey.key;
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Gives an order, tried twice: the key makes the second harmless. Throws NoAnswer. */
export async function giveOrder(path, body) {
  const headers = { "idempotency-key": keyFor(path + JSON.stringify(body)) };
  const answer = await request("POST", path, { body, headers }).catch((error) => {
    if (error instanceof NoAnswer) return request("POST", path, { body, headers });
    throw error;
  });
  lastKey = { order: "", key: "" };
  return answer;
}

/** The stream of events; opened anew by `keep()` where it has ended or gone quiet. */
export class Events {
  #source = null;
  #heardAt = 0;
  #openedAt = 0;
  #onState;
  #onBeat;
  #onLost;

  constructor({ onState, onBeat, onLost }) {
    this.#onState = onState;
    this.#onBeat = onBeat;
    this.#onLost = onLost;
  }

  /** Whether it has been heard in the last `ms` milliseconds. */
  isLive(ms) {
    return this.#source?.readyState === EventSource.OPEN && Date.now() - this.#heardAt < ms;
  }

  open() {
    this.close();
    this.#openedAt = Date.now();
    const source = new EventSource("/v1/events");
    this.#source = source;
    const heard = (tell) => (event) => {
      this.#heardAt = Date.now();
      const message = parsed(event.data);
      if (message !== null && source === this.#source) tell(message);
    };
    source.addEventListener("state", heard(this.#onState));
    source.addEventListener("beat", heard(this.#onBeat));
    source.addEventListener("error", () => source === this.#source && this.#onLost());
  }

  close() {
    this.#source?.close();
    this.#source = null;
  }

  /** Called each second: a connection that says nothing for five is half-open, or closed for good. */
  keep() {
    const quiet = Date.now() - Math.max(this.#heardAt, this.#openedAt) > 5_000;
    const ended = this.#source === null || this.#source.readyState === EventSource.CLOSED;
    if (quiet || (ended && Date.now() - this.#openedAt > 2_000)) this.open();
  }
}
