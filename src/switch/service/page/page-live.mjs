import { isWithin, orderKindWords } from "./page-words.mjs";
import { Events, NoAnswer, request } from "./page-wire.mjs";

/** What the page knows of the service, kept fresh by its events, and by asking where they do not come. */

const STREAM_LOST_MS = 3_000;
const ORDER_FRESH_MS = 60_000;
const EVERY_OTHER = 2;
const RARELY = 5;
/** The log holds more than orders; so many entries hold the last ten of them but in a flood. */
const LOG_ENTRIES = 200;
const SHOWN_ORDERS = 10;

export class Live {
  /** Null until it was heard. */
  standing = null;
  /** When the state, or a beat of its epoch, was last heard: epoch milliseconds. */
  heardAt = 0;
  instances = [];
  /** When the instances were last heard of: epoch milliseconds. */
  fleetAt = 0;
  /** Why what is known of the instances is old, or nothing; null where it is fresh. */
  fleetFailed = null;
  agents = new Set();
  /** The newest first. */
  orders = [];
  ordersFailed = null;
  /** Where the service now answers from another data file. */
  otherSeries = false;
  #scope = "*";
  #events;
  #timer = null;
  #ticks = 0;
  #freshUntil = 0;
  #asking = new Set();
  #onChange;
  #onSignedOut;

  constructor({ onChange, onSignedOut }) {
    this.#onChange = onChange;
    this.#onSignedOut = onSignedOut;
    this.#events = new Events({
      onState: (state) => this.#hear(state),
      onBeat: (beat) => this.#hearBeat(beat),
      onLost: () => void this.#askState(),
    });
  }

  /** `live`: by the stream; `asked`: by polling, the stream being lost; `lost`: what is shown is old. */
  get connection() {
    if (this.#events.isLive(STREAM_LOST_MS)) return "live";
    return Date.now() - this.heardAt < STREAM_LOST_MS + 1_000 ? "asked" : "lost";
  }

  start() {
    this.#events.open();
    this.#timer ??= setInterval(() => this.#tick(), 1_000);
    this.refresh();
    void this.#askFleet("*");
  }

  /** A page that nobody sees holds no connection: browsers allow six to a service, and an order needs one. */
  pause() {
    this.#events.close();
    clearInterval(this.#timer);
    this.#timer = null;
  }

  look(scope) {
    this.#scope = scope;
    this.instances = [];
    this.fleetAt = 0;
    void this.#askFleet();
  }

  /** Asks for everything now, as after an order. */
  refresh() {
    this.#freshUntil = Date.now() + ORDER_FRESH_MS;
    void this.#askState();
    void this.#askFleet();
    void this.#askOrders();
  }

  #tick() {
    this.#ticks += 1;
    this.#events.keep();
    if (!this.#events.isLive(STREAM_LOST_MS) && this.#ticks % EVERY_OTHER === 0) void this.#askState();
    const rarely = this.#ticks % RARELY === 0;
    if (rarely || Date.now() < this.#freshUntil) void this.#askFleet();
    if (rarely && this.orders[0]?.epoch !== this.standing?.epoch) void this.#askOrders();
    this.#onChange();
  }

  #hear(state) {
    const known = this.standing;
    if (known !== null && known.series !== state.series) {
      this.otherSeries = true;
      return this.#onChange();
    }
    if (known !== null && state.epoch < known.epoch) return;
    this.heardAt = Date.now();
    this.standing = state;
    if (known !== null && known.epoch !== state.epoch) {
      this.#freshUntil = Date.now() + ORDER_FRESH_MS;
      void this.#askFleet();
      void this.#askOrders();
    }
    this.#onChange();
  }

  #hearBeat({ series, epoch }) {
    if (this.standing?.series === series && this.standing.epoch === epoch) this.heardAt = Date.now();
    else void this.#askState();
  }

  async #askState() {
    await this.#ask("/v1/state", (state) => this.#hear(state));
  }

  async #askFleet(scope = this.#scope) {
    const query = scope === "*" ? "" : `?scope=${encodeURIComponent(scope)}`;
    const failed = await this.#ask(`/v1/fleet${query}`, ({ instances }) => {
      for (const { agent } of instances) this.agents.add(agent);
      // Another scope was chosen meanwhile, and this answer holds only a part of it.
      if (scope !== this.#scope && scope !== "*") return;
      this.instances = instances.filter((one) => isWithin(one, this.#scope));
      this.fleetAt = Date.now();
    });
    if (failed !== undefined) this.fleetFailed = failed;
    this.#onChange();
  }

  async #askOrders() {
    const failed = await this.#ask(`/v1/log?last=${LOG_ENTRIES}`, ({ entries }) => {
      const orders = entries.filter((entry) => orderKindWords(entry) !== null);
      this.orders = orders.slice(-SHOWN_ORDERS).reverse();
    });
    if (failed !== undefined) this.ordersFailed = failed;
    this.#onChange();
  }

  /** Null where it was answered, else why not; undefined where the same is being asked already. */
  async #ask(path, use) {
    if (this.#asking.has(path)) return undefined;
    this.#asking.add(path);
    try {
      const { status, body } = await request("GET", path);
      if (this.#timer === null) return undefined;
      if (status === 401) this.#onSignedOut();
      if (status !== 200 || body === null) return body?.error ?? `the service answered ${status}`;
      use(body);
      return null;
    } catch (error) {
      if (error instanceof NoAnswer) return "no answer from the service";
      throw error;
    } finally {
      this.#asking.delete(path);
    }
  }
}
