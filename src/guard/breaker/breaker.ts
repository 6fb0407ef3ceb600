import { judge } from "./judge.ts";
import { Ring, type Counts } from "./ring.ts";
import { FORMAT, readSaved, type SavedBreaker } from "./saved.ts";
import type { BreakerSettings } from "./settings.ts";
import type { BreakerState, Figures, Opening, Signal } from "./state.ts";
import { REFUSED, Tickets, UNCOUNTED } from "./tickets.ts";

/** What the breaker goes by at this moment. While it is not closed, nothing is counted. */
export interface BreakerCounts extends Readonly<Counts> {
  /** Actions begun in a usual window; null while fewer than three windows are known. */
  readonly usual: number | null;
  readonly failuresInARow: number;
  readonly writeFailuresInARow: number;
}

/** A write let through in half-open. */
interface Probe {
  readonly ticket: number;
  readonly deadline: number;
}

const CLOSED: BreakerState = { name: "closed" };
/** Tickets of half-open writes count down from here, far from all others. */
const PROBES = -(2 ** 30);

/**
 * Holds writes when too many actions fail, are anomalous, or come at once. It has no clock and no timer: all times are
 * monotonic milliseconds that the caller passes in, and what time alone decides is decided at the next call. `onChange`
 * hears every opening, half-open and closing, after the fact; it must not throw.
 */
export class Breaker {
  readonly settings: BreakerSettings;
  readonly #onChange: ((state: BreakerState) => void) | undefined;
  readonly #ring: Ring;
  readonly #tickets = new Tickets();
  #state: BreakerState = CLOSED;
  #isClosed = true;
  /** Counts every change of state: an outcome that began in another era is stale. */
  #era = 0;
  #openings = 0;
  #failuresInARow = 0;
  #writeFailuresInARow = 0;
  #probes: readonly Probe[] = [];
  #probesEver = 0;

  constructor(settings: BreakerSettings, monotonic: number, onChange?: (state: BreakerState) => void) {
    this.settings = settings;
    this.#ring = new Ring(settings, monotonic);
    this.#onChange = onChange;
  }

  /**
   * The breaker that `save` wrote, `wallNow` being epoch milliseconds. Actions in flight at that time never end for this one:
   * a half-open write among them keeps its place until its time is over, and has then failed. A wall clock that went back
   * counts as no time passed. Where the window's length changed, counts begin anew; whether writes are held never does.
   * Throws a TypeError for what is not a saved breaker.
   */
  static restore(
    json: unknown,
    settings: BreakerSettings,
    monotonic: number,
    wallNow: number,
    onChange?: (state: BreakerState) => void,
  ): Breaker {
    const saved = readSaved(json);
    const breaker = new Breaker(settings, monotonic, onChange);
    breaker.#restore(saved, monotonic, Math.max(0, wallNow - saved.savedAt));
    return breaker;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether a write may not begin now. Changes nothing. */
  holdsWrites(now: number): boolean {
    if (this.#isClosed) return false;
    const state = this.#state;
    if (state.name === "open") return !this.#isCooledDown(state.opening, now);
    return !this.#hasRoom() || this.#isOverdue(now);
  }

  /**
   * Whether a write that has begun may not run now: asked right before it runs. In half-open its own place is its permit,
   * so that `holdsWrites` would be the wrong question. Changes nothing.
   */
  holdsBegun(ticket: number, now: number): boolean {
    if (this.#isClosed) return false;
    return this.#isOverdue(now) || !this.#probes.some((probe) => probe.ticket === ticket);
  }

  /**
   * Counts an action that is about to run, and returns its ticket, or REFUSED for a write that is held. May itself open the
   * breaker, so ask `holdsBegun` before a write runs, and `cancel` the ticket of one that then does not.
   */
  begin(isWrite: boolean, isAnomalous: boolean, now: number): number {
    if (!this.#isClosed) return this.#beginHeld(isWrite, isAnomalous, now);
    const ticket = this.#tickets.take(this.#era);
    this.#ring.advance(now);
    this.#ring.begun(isAnomalous);
    this.#judge(now);
    return ticket;
  }

  /** How an action ended. Counts once, and only where no change of state lies between. `now` may be a little old. */
  end(ticket: number, isWrite: boolean, isOk: boolean, now: number): void {
    if (ticket <= PROBES) {
      this.#endProbe(ticket, isOk, now);
      return;
    }
    if (this.#tickets.settle(ticket) !== this.#era) return;
    if (isOk) {
      this.#failuresInARow = 0;
      if (isWrite) this.#writeFailuresInARow = 0;
    } else {
      this.#failuresInARow += 1;
      if (isWrite) this.#writeFailuresInARow += 1;
    }
    this.#ring.advance(now);
    this.#ring.ended(isWrite, isOk);
    this.#judge(now);
  }

  /** The action began, and never ran. It has neither failed nor ended well, and its place in half-open is free again. */
  cancel(ticket: number): void {
    if (ticket > PROBES) this.#tickets.settle(ticket);
    else this.#takeProbe(ticket);
  }

  /** Opens by order. Where it is open already, that opening stands. */
  open(signal: Signal, figures: Figures, now: number): void {
    this.sweep(now);
    if (this.#state.name !== "open") this.#open(signal, figures, now);
  }

  /** A person's yes: from open to half-open, and nothing otherwise. */
  approve(): void {
    // Not after a sweep: a yes to this opening is none to the one that a late write brings about.
    if (this.#state.name === "open") this.#halfOpen(this.#state.opening);
  }

  close(now: number): void {
    if (!this.#isClosed) this.#close(now);
  }

  /** Makes happen what time alone decides: a half-open write past its limit has failed; the cooldown is over. */
  sweep(now: number): void {
    const state = this.#state;
    if (state.name === "open" && this.#isCooledDown(state.opening, now)) this.#halfOpen(state.opening);
    else if (state.name === "half-open" && this.#isOverdue(now)) this.#open("half-open-failure", this.#figures(), now);
  }

  counts(now: number): BreakerCounts {
    this.#ring.advance(now);
    return {
      ...this.#ring.window,
      usual: this.#ring.usual,
      failuresInARow: this.#failuresInARow,
      writeFailuresInARow: this.#writeFailuresInARow,
    };
  }

  /** For JSON, and for `restore` in this process or another. `wallNow` is epoch milliseconds. */
  save(now: number, wallNow: number): SavedBreaker {
    this.#ring.advance(now);
    const state = this.#state;
    return {
      format: FORMAT,
      savedAt: wallNow,
      state: state.name,
      openings: this.#openings,
      opening: state.name === "closed" ? null : { ...state.opening, openedAt: wallNow + state.opening.openedAt - now },
      halfOpen: {
        good: state.name === "half-open" ? state.good : 0,
        deadlines: this.#probes.map(({ deadline }) => wallNow + deadline - now),
      },
      failuresInARow: this.#failuresInARow,
      writeFailuresInARow: this.#writeFailuresInARow,
      ring: this.#ring.save(now),
    };
  }

  #restore(saved: SavedBreaker, now: number, elapsedMs: number): void {
    const toMonotonic = (wall: number): number => now - elapsedMs + (wall - saved.savedAt);
    this.#openings = saved.openings;
    this.#failuresInARow = saved.failuresInARow;
    this.#writeFailuresInARow = saved.writeFailuresInARow;
    this.#ring.restore(saved.ring, now, elapsedMs);
    if (saved.opening === null) return;
    this.#isClosed = false;
    const opening = { ...saved.opening, openedAt: toMonotonic(saved.opening.openedAt) };
    this.#state = { name: "open", opening };
    if (saved.state === "open") return;
    this.#probes = saved.halfOpen.deadlines.map((wall) => ({
      ticket: this.#probeTicket(),
      deadline: toMonotonic(wall),
    }));
    // With fewer writes to let through than when it was saved, one of them is still to come: otherwise nothing would close it.
    const good = Math.min(saved.halfOpen.good, this.settings.halfOpenWrites - 1);
    this.#state = { name: "half-open", opening, running: this.#probes.length, good };
  }

  #probeTicket(): number {
    this.#probesEver = (this.#probesEver + 1) % 2 ** 29;
    return PROBES - this.#probesEver;
  }

  #beginHeld(isWrite: boolean, isAnomalous: boolean, now: number): number {
    this.sweep(now);
    if (this.#isClosed) return this.begin(isWrite, isAnomalous, now);
    if (!isWrite) return UNCOUNTED;
    if (this.#state.name !== "half-open" || !this.#hasRoom()) return REFUSED;
    const ticket = this.#probeTicket();
    this.#probes = [...this.#probes, { ticket, deadline: now + this.settings.halfOpenTimeLimitMs }];
    this.#state = { ...this.#state, running: this.#probes.length };
    return ticket;
  }

  #endProbe(ticket: number, isOk: boolean, now: number): void {
    this.sweep(now);
    if (!this.#takeProbe(ticket) || this.#state.name !== "half-open") return;
    if (!isOk) {
      this.#open("half-open-failure", this.#figures(), now);
      return;
    }
    this.#state = { ...this.#state, good: this.#state.good + 1 };
    if (this.#state.good >= this.settings.halfOpenWrites) this.#close(now);
  }

  #takeProbe(ticket: number): boolean {
    const others = this.#probes.filter((probe) => probe.ticket !== ticket);
    if (others.length === this.#probes.length || this.#state.name !== "half-open") return false;
    this.#probes = others;
    this.#state = { ...this.#state, running: others.length };
    return true;
  }

  #hasRoom(): boolean {
    const state = this.#state;
    return state.name === "half-open" && state.running + state.good < this.settings.halfOpenWrites;
  }

  #isOverdue(now: number): boolean {
    return this.#probes.some(({ deadline }) => now > deadline);
  }

  #isCooledDown(opening: Opening, now: number): boolean {
    return this.settings.resume === "auto" && now - opening.openedAt >= this.settings.cooldownMs;
  }

  #judge(now: number): void {
    const { window, spikeAbove } = this.#ring;
    const signal = judge(this.settings, window, spikeAbove, this.#failuresInARow, this.#writeFailuresInARow);
    if (signal !== null) this.#open(signal, this.#figures(), now);
  }

  #figures(): Figures {
    const { usual } = this.#ring;
    return {
      ...this.#ring.window,
      failuresInARow: this.#failuresInARow,
      writeFailuresInARow: this.#writeFailuresInARow,
      ...(usual === null ? {} : { usual }),
    };
  }

  #open(signal: Signal, figures: Figures, now: number): void {
    this.#ring.advance(now);
    this.#ring.stop();
    this.#openings += 1;
    this.#become({ name: "open", opening: { number: this.#openings, signal, figures, openedAt: now } });
  }

  #halfOpen(opening: Opening): void {
    this.#become({ name: "half-open", opening, running: 0, good: 0 });
  }

  #close(now: number): void {
    this.#ring.start(now);
    this.#become(CLOSED);
  }

  #become(state: BreakerState): void {
    this.#era += 1;
    this.#failuresInARow = 0;
    this.#writeFailuresInARow = 0;
    this.#probes = [];
    this.#state = state;
    this.#isClosed = state.name === "closed";
    this.#onChange?.(state);
  }
}
