/** No action: a write that is held. */
export const REFUSED = -1;
/** An action whose outcome nobody waits for: a read while the breaker is not closed. */
export const UNCOUNTED = -2;

const AT_FIRST = 256;
/** So many actions in flight are told apart. A slot's number is the ticket's lower half. */
const AT_MOST = 65_536;
const FREE = -1;

/**
 * Who is in flight, and since which era of the breaker, so that each outcome counts once and a stale one not at all.
 * Tickets are small whole numbers, and memory follows what runs at once, not what has run. Slots are used in turn: a
 * slot's ticket comes back after 32,768 uses of it, which is millions of actions later.
 */
export class Tickets {
  #eras = new Int32Array(AT_FIRST).fill(FREE);
  /** The ticket that is out, or comes next, for each slot. */
  #tickets = Int32Array.from({ length: AT_FIRST }, (_, slot) => slot);
  /** A queue of the free slots. */
  #free = Uint16Array.from({ length: AT_FIRST }, (_, slot) => slot);
  #first = 0;
  #count = AT_FIRST;

  /** `era` is a whole number of at least 0. */
  take(era: number): number {
    // Whoever leaves more than that hanging still has each outcome counted; only a second one would be, too.
    if (this.#count === 0 && !this.#grow()) return UNCOUNTED - 1 - era;
    const slot = this.#free[this.#first] ?? 0;
    this.#first = (this.#first + 1) & (this.#free.length - 1);
    this.#count -= 1;
    this.#eras[slot] = era;
    return this.#tickets[slot] ?? 0;
  }

  /** The era in which this ticket was taken; -1 where it is not out (any more). */
  settle(ticket: number): number {
    if (ticket < 0) return ticket < UNCOUNTED ? UNCOUNTED - 1 - ticket : FREE;
    const slot = ticket & (AT_MOST - 1);
    const era = this.#eras[slot] ?? FREE;
    if (era === FREE || this.#tickets[slot] !== ticket) return FREE;
    this.#eras[slot] = FREE;
    this.#tickets[slot] = (ticket + AT_MOST) & 0x7fffffff;
    this.#free[(this.#first + this.#count) & (this.#free.length - 1)] = slot;
    this.#count += 1;
    return era;
  }

  /** Called with no slot free. */
  #grow(): boolean {
    const before = this.#eras.length;
    if (before === AT_MOST) return false;
    const added = Int32Array.from({ length: before }, (_, index) => before + index);
    this.#eras = joined(this.#eras, new Int32Array(before).fill(FREE));
    this.#tickets = joined(this.#tickets, added);
    this.#free = new Uint16Array(before * 2);
    this.#free.set(added);
    this.#first = 0;
    this.#count = before;
    return true;
  }
}

function joined(first: Int32Array, second: Int32Array): Int32Array<ArrayBuffer> {
  const both = new Int32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
