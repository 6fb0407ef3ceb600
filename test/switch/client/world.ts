import { SwitchClient } from "../../../src/switch/client/client.ts";
import type { Connections, Following, Sending } from "../../../src/switch/client/wire.ts";
import type { BeatMessage, ReportRequest, StateMessage } from "../../../src/switch/protocol/messages.ts";
import { type Standing, withOrder, withoutScope } from "../../../src/switch/protocol/order.ts";
import type { View } from "../../../src/switch/protocol/view.ts";
import type { Clock } from "../../../src/values/clock.ts";
import { keyOf, orderOf } from "./support.ts";

/**
 * A switch, a network and a machine that an agent runs on, all in the test's own time: the real client between them. Time
 * here is true time; every clock differs from it in its own way.
 */

export const LEASE_MS = 6_000;
const STEP_MS = 50;
const BEAT_MS = 1_000;
/** How much faster or slower any clock runs. */
const DRIFT = 0.0005;
/** What clocks may be wrong by, what one step of this world hides, and rounding. */
const TOLERANCE_MS = LEASE_MS * 2 * DRIFT + STEP_MS + 10;

export interface Weather {
  /** Longest delay of what is sent; each message has its own, so that later ones overtake. */
  delayMs: number;
  /** Of a hundred messages. */
  lost: number;
  twice: number;
}

const FAIR: Weather = { delayMs: 20, lost: 0, twice: 0 };

/** What was sent, and when in truth. */
interface Sent {
  message: BeatMessage | StateMessage;
  at: number;
}

interface Follower {
  tell: (sent: Sent) => void;
  end: () => void;
  nextBeat: number;
}

export class World {
  readonly client: SwitchClient;
  /** Where the steps are to lead did happen. */
  readonly seen = new Map<string, number>();
  #now = 1_000_000;
  readonly #queue: { at: number; run: () => void }[] = [];
  #weather = FAIR;
  #random: () => number;
  readonly #advance: (ms: number) => Promise<void>;

  // The service.
  #standing: Standing = { series: "one", epoch: 0, orders: [] };
  #boot = 1;
  #bootedAt = this.#now;
  #backup: Standing = this.#standing;
  #isForeign = false;
  #isRevoked = false;
  #followers = new Set<Follower>();

  // The agent's machine.
  #awakeMs = 0;
  #wallAhead = 0;
  /** Since the client last looked at the clocks. */
  #unseen = { slept: false, setBack: false };
  #newest = Number.NEGATIVE_INFINITY;
  #known: View = null;

  constructor(random: () => number, advance: (ms: number) => Promise<void>) {
    this.#random = random;
    this.#advance = advance;
    const clock: Clock = {
      now: () => {
        this.#unseen = { slept: false, setBack: false };
        return Math.floor(this.#wall());
      },
      monotonic: () => this.#monotonic(),
    };
    this.client = new SwitchClient(
      {
        urls: ["http://one", "http://two"],
        token: "token",
        agent: "support",
        instance: "pod-1",
        leaseMs: LEASE_MS,
        clock,
        running: () => ({}),
        notice: ({ kind }) => this.#note(kind),
      },
      this.#connections(),
    );
    this.client.onChange(() => this.#checkView());
    this.client.start();
  }

  kill(scope: string): void {
    const { epoch } = this.#standing;
    this.#order(withOrder(this.#standing, orderOf(epoch + 1, scope)));
  }

  release(scope: string): void {
    this.#order(withoutScope(this.#standing, scope, this.#standing.epoch + 1).standing);
  }

  restart(): void {
    this.#boot++;
    this.#bootedAt = this.#now;
    const followers = [...this.#followers];
    this.#followers.clear();
    for (const { end } of followers) this.#carry(end);
  }

  backUp(): void {
    this.#backup = this.#standing;
  }

  restore(): void {
    this.#standing = this.#backup;
    this.restart();
  }

  /** Another service answers under the address, or the right one again. */
  foreign(is: boolean): void {
    this.#isForeign = is;
    this.restart();
  }

  revoke(is: boolean): void {
    this.#isRevoked = is;
    if (is) this.restart();
  }

  weather(weather: Weather): void {
    this.#weather = weather;
  }

  /** The wall clock is set. Set back and asleep between two looks at the clocks, no program can know. */
  setWall(byMs: number): void {
    if (byMs < 0 && this.#unseen.slept) return;
    if (byMs < 0) this.#unseen.setBack = true;
    this.#wallAhead += byMs;
    this.#note("wall set");
  }

  async sleep(ms: number): Promise<void> {
    if (this.#unseen.setBack) return;
    this.#unseen.slept = true;
    this.#note("slept");
    await this.#pass(ms, false);
  }

  async pass(ms: number): Promise<void> {
    await this.#pass(ms, true);
  }

  /** The network is mended, the right service is there: the agent must come to hold what it holds, and a lease. */
  async heal(): Promise<void> {
    this.#weather = FAIR;
    this.#isRevoked = false;
    if (this.#isForeign) this.foreign(false);
    await this.#pass(25_000, true);
    const { view } = this.client;
    if (view?.epoch !== this.#standing.epoch) {
      throw new Error(`healed, and the agent knows ${view?.epoch ?? "nothing"} of ${this.#standing.epoch}`);
    }
    const orders = new Set(view.orders.map(keyOf));
    if (!this.#standing.orders.every((order) => orders.has(keyOf(order)))) throw new Error("an order is missing");
    if (!this.#holds()) throw new Error("healed, and no lease");
  }

  async #pass(ms: number, isAwake: boolean): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.#now += STEP_MS;
      if (isAwake) this.#awakeMs += STEP_MS;
      for (const follower of this.#followers) {
        if (follower.nextBeat > this.#now) continue;
        follower.nextBeat += BEAT_MS;
        const { series, epoch } = this.#shown();
        follower.tell({ message: { series, epoch, sentAt: this.#sentAt(), boot: this.#bootName() }, at: this.#now });
      }
      if (!isAwake) continue;
      const due = this.#queue.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
      for (const one of due) {
        this.#queue.splice(this.#queue.indexOf(one), 1);
        one.run();
      }
      await this.#advance(STEP_MS);
      this.#checkLease();
    }
  }

  #checkLease(): void {
    if (!this.#holds()) return;
    this.#note("held");
    const age = this.#now - this.#newest;
    if (age > LEASE_MS + TOLERANCE_MS) throw new Error(`a lease on what is ${age} ms old`);
  }

  #checkView(): void {
    const { view } = this.client;
    const before = this.#known;
    this.#known = view;
    if (before === null || view === null) return;
    if (view.series !== before.series || view.epoch < before.epoch) throw new Error("the view went back");
    const now = new Set(view.orders.map(keyOf));
    if (view.epoch === before.epoch && !before.orders.every((order) => now.has(keyOf(order)))) {
      throw new Error("an order was forgotten");
    }
  }

  #holds(): boolean {
    const { monotonicUntil, wallUntil } = this.client.lease;
    return this.#monotonic() < monotonicUntil && this.#wall() < wallUntil;
  }

  #monotonic(): number {
    return 7_000 + this.#awakeMs * (1 - DRIFT);
  }

  #wall(): number {
    return this.#now + this.#wallAhead;
  }

  #sentAt(): number {
    return Math.round(500_000 + this.#boot * 13_000 + (this.#now - this.#bootedAt) * (1 + DRIFT));
  }

  #bootName(): string {
    return `boot ${this.#boot}`;
  }

  #shown(): Standing {
    return this.#isForeign ? { series: "other", epoch: 99, orders: [] } : this.#standing;
  }

  #order(standing: Standing): void {
    this.#standing = standing;
    this.#note("order");
    if (this.#isForeign) return;
    for (const { tell } of this.#followers) tell({ message: this.#state(), at: this.#now });
  }

  #state(): StateMessage {
    return { ...this.#shown(), leaseSeconds: 15, sentAt: this.#sentAt(), boot: this.#bootName() };
  }

  /** What has been believed is known by what the client holds afterwards. */
  #heard({ message, at }: Sent): void {
    const { view } = this.client;
    if (message.series === view?.series && message.epoch === view.epoch) this.#newest = Math.max(this.#newest, at);
  }

  /** Something goes over the network, or does not. */
  #carry(run: () => void): void {
    const { delayMs, lost, twice } = this.#weather;
    if (this.#random() * 100 < lost) return;
    const at = (): number => this.#now + this.#random() * delayMs;
    this.#queue.push({ at: at(), run });
    if (this.#random() * 100 < twice) this.#queue.push({ at: at(), run });
  }

  #connections(): Connections {
    return {
      follow: (_base, _path, following) => this.#follow(following),
      send: (_base, path, sending) => this.#send(path, sending),
      close: () => Promise.resolve(),
    };
  }

  #follow(following: Following): () => void {
    let isOpen = true;
    const toClient = (run: () => void): void => this.#carry(() => isOpen && run());
    const end = (): void => {
      if (!isOpen) return;
      isOpen = false;
      following.ended("it ended");
    };
    const tell = (sent: Sent): void =>
      toClient(() => {
        const event = "orders" in sent.message ? "state" : "beat";
        following.data(`event: ${event}\ndata: ${JSON.stringify(sent.message)}\n\n`);
        this.#heard(sent);
      });
    let isAccepted = false;
    this.#carry(() => {
      if (!isOpen || isAccepted) return;
      isAccepted = true;
      if (this.#isRevoked) {
        toClient(() => {
          isOpen = false;
          following.answered(401);
        });
        return;
      }
      const nextBeat = this.#now + this.#random() * BEAT_MS;
      this.#followers.add({ tell, end: () => this.#carry(end), nextBeat });
      tell({ message: this.#state(), at: this.#now });
    });
    return () => void (isOpen = false);
  }

  #send(path: string, { headers = {}, body, timeoutMs }: Sending): ReturnType<Connections["send"]> {
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("no answer")), timeoutMs);
      this.#carry(() => {
        const at = this.#now;
        if (this.#isRevoked) {
          this.#carry(() => resolve({ status: 401, headers: {}, text: "" }));
          return;
        }
        if (path === "/v1/report") {
          const status = this.#report(JSON.parse(body ?? "{}") as ReportRequest);
          this.#carry(() => resolve({ status, headers: {}, text: "" }));
          return;
        }
        const message = this.#state();
        const etag = JSON.stringify([message.series, message.epoch, message.boot]);
        const answered = { etag, "clawproof-sent-at": String(message.sentAt), "clawproof-boot": message.boot };
        const is304 = headers["if-none-match"] === etag;
        this.#carry(() => {
          const text = is304 ? "" : JSON.stringify(message);
          resolve({ status: is304 ? 304 : 200, headers: answered, text });
          // The client reads it a few turns later.
          this.#queue.push({ at: this.#now, run: () => this.#heard({ message, at }) });
          if (message.series === "one" && message.epoch >= (this.client.view?.epoch ?? 0)) {
            this.#newest = Math.max(this.#newest, at);
          }
        });
      });
    });
  }

  #report({ series, epoch }: ReportRequest): number {
    if (series !== this.#shown().series) return 409;
    if (epoch > this.#standing.epoch) {
      this.#note("loss proven");
      this.#order(withOrder(this.#standing, { ...orderOf(epoch + 1, "*") }));
    }
    return 204;
  }

  #note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}
