/** `guard.signal` and `guard.stopped`: one pair for each time that the whole agent is stopped. */
export class Stopping {
  readonly #isStopped: () => boolean;
  #controller = new AbortController();
  #ended = newPromise();

  constructor(isStopped: () => boolean) {
    this.#isStopped = isStopped;
  }

  /** Aborted once the agent is stopped; a fresh one after it may act again. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves once the agent is stopped and nothing that was forbidden still runs. */
  get stopped(): Promise<void> {
    return this.#ended.promise;
  }

  /** @param hasEnded whether nothing that is forbidden still runs */
  settle(hasEnded: () => boolean): void {
    const { signal } = this.#controller;
    if (this.#isStopped()) {
      if (!signal.aborted) this.#controller.abort(new Error("the agent was stopped"));
      if (hasEnded()) this.#ended.resolve();
      return;
    }
    if (!signal.aborted) return;
    this.#controller = new AbortController();
    this.#ended = newPromise();
  }
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((given) => (resolve = given));
  return { promise, resolve };
}
