import { byId, element, say, setText } from "./page-view.mjs";
import { NoAnswer, giveOrder } from "./page-wire.mjs";
import { NO_ANSWER, answerWords, nameOf, refusalWords, undoneWords } from "./page-words.mjs";

/** The dialog that asks for a reason and gives the order. */

const WHY_STOP = ["Wrong actions", "Customers affected", "Suspicious behaviour", "Drill"];
const WHY_RELEASE = ["False alarm", "Cause fixed", "Drill is over"];
/** The second half of a double tap on the button that opened it is no answer. */
const DEAF_MS = 400;

/** For each kind of order: its words, and whether a reason that is tapped gives the order at once. */
const KINDS = {
  stopped: {
    title: (name) => `Stop ${name}?`,
    text: "Every action is refused, reading too, until somebody lets it act again.",
    why: "Why? Choosing a reason stops at once.",
    own: "Or in your own words",
    chips: WHY_STOP,
    atOnce: true,
    confirm: (name) => `Stop ${name}`,
    busy: "Stopping…",
  },
  "read-only": {
    title: (name) => `Set ${name} to read-only?`,
    text: "Reading goes on. Every action that changes something is refused until somebody lets it act again.",
    why: "Why? Choosing a reason sets it at once.",
    own: "Or in your own words",
    chips: WHY_STOP,
    atOnce: true,
    confirm: (name) => `Set ${name} to read-only`,
    busy: "Setting…",
  },
  release: {
    title: (name) => `Let ${name} act again?`,
    text: "",
    why: "Why is it safe?",
    own: "Reason",
    chips: WHY_RELEASE,
    atOnce: false,
    confirm: (name) => `Let ${name} act again`,
    busy: "Letting it act…",
  },
};

export class OrderDialog {
  #dialog = byId("dialog");
  #asked = null;
  #timer = null;
  #busy = false;
  #onAnswer;

  /** @param {(answer: { words: string, isGood: boolean, signedOut: boolean }) => void} onAnswer */
  constructor(onAnswer) {
    this.#onAnswer = onAnswer;
    byId("dialog-cancel").onclick = () => this.#dialog.close();
    byId("dialog-form").onsubmit = (event) => {
      event.preventDefault();
      void this.#give(byId("reason").value);
    };
    byId("reason").oninput = () => setText("dialog-error", "");
  }

  /**
   * @param {"stopped" | "read-only" | "release"} kind
   * @param {string} scope
   * @param {{ text?: string, warning?: string | null, ifEpoch?: number }} about
   */
  open(kind, scope, { text, warning = null, ifEpoch } = {}) {
    if (this.#busy) return;
    const words = KINDS[kind];
    this.#asked = { kind, scope, ifEpoch };
    clearTimeout(this.#timer);
    this.#dialog.dataset.ready = "no";
    this.#timer = setTimeout(() => (this.#dialog.dataset.ready = "yes"), DEAF_MS);
    this.#dialog.dataset.kind = kind;
    setText("dialog-title", words.title(nameOf(scope)));
    setText("dialog-text", text ?? words.text);
    say("dialog-warning", warning);
    setText("dialog-why", words.why);
    setText("reason-label", words.own);
    setText("dialog-error", "");
    setText("dialog-confirm", words.confirm(nameOf(scope)));
    byId("reason").value = "";
    byId("dialog-chips").replaceChildren(...words.chips.map((chip) => this.#chip(chip, words.atOnce)));
    this.#dialog.showModal();
    // On a phone the keyboard would cover the reasons.
    byId(matchMedia("(pointer: fine)").matches ? "reason" : "dialog-title").focus();
  }

  close() {
    this.#dialog.close();
  }

  #chip(reason, atOnce) {
    const onclick = () => {
      if (this.#isDeaf()) return;
      byId("reason").value = reason;
      setText("dialog-error", "");
      if (atOnce) void this.#give(reason);
      else byId("dialog-confirm").focus();
    };
    return element("button", { type: "button", className: "chip", onclick }, reason);
  }

  #isDeaf() {
    return this.#busy || this.#dialog.dataset.ready !== "yes";
  }

  async #give(written) {
    if (this.#isDeaf()) return;
    const reason = written.trim();
    if (reason === "") {
      setText("dialog-error", "Say why, in a few words: it stands in the log.");
      byId("reason").focus();
      return;
    }
    this.#setBusy(true);
    try {
      const answer = await this.#send(reason);
      if (answer.isDone) this.#dialog.close();
      else setText("dialog-error", answer.words);
      if (answer.isDone || !this.#dialog.open) this.#onAnswer(answer);
    } finally {
      this.#setBusy(false);
    }
  }

  async #send(reason) {
    const { kind, scope, ifEpoch } = this.#asked;
    const isRelease = kind === "release";
    const body = isRelease ? { scope, reason, ifEpoch } : { scope, mode: kind, reason };
    try {
      const { status, body: answer } = await giveOrder(isRelease ? "/v1/release" : "/v1/kill", body);
      const stands = answer?.epoch !== undefined && (status === 200 || (status === 507 && !isRelease));
      const undone = stands ? undoneWords(answer, kind) : null;
      if (undone !== null) return { isDone: false, isGood: false, words: undone };
      if (stands) return { isDone: true, isGood: answer.durable !== false, words: answerWords(answer, kind) };
      const signedOut = status === 401;
      return { isDone: signedOut, isGood: false, signedOut, words: refusalWords(status, answer) };
    } catch (error) {
      if (error instanceof NoAnswer) return { isDone: false, isGood: false, words: NO_ANSWER };
      throw error;
    }
  }

  #setBusy(busy) {
    this.#busy = busy;
    const words = KINDS[this.#asked.kind];
    setText("dialog-confirm", busy ? words.busy : words.confirm(nameOf(this.#asked.scope)));
    for (const button of this.#dialog.querySelectorAll("button, input"))
      button.setAttribute("aria-disabled", String(busy));
  }
}
