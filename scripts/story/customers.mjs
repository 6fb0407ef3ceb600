import Database from "libsql";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CUSTOMERS = 16_000;
/** One in so many is a customer still, and wants to be called; all others have cancelled. */
const CALL_EVERY = 47;
/** One in so many of the others asks for a price alone. */
const PRICE_EVERY = 3;

/** Once all have written, the first writes again. */
const inTurn = (message) => ((message - 1) % CUSTOMERS) + 1;
const isActive = (number) => number % CALL_EVERY === 0;

/** Who writes the first, the second, … message. */
export const customerOf = (message) => `c${String(inTurn(message)).padStart(5, "0")}`;

/** What the first, the second, … message says. */
export function textOf(message) {
  const customer = inTurn(message);
  if (isActive(customer)) return "Please call me.";
  return customer % PRICE_EVERY === 1 ? "How much is the plan plus?" : "I want to cancel. Is that done?";
}

/** The company's database, and the agent's ledger, as a back office sees them: around the agent. */
export class Customers {
  #db;
  #ledger;
  #folder;

  constructor(folder, db) {
    this.#folder = folder;
    this.#db = db;
  }

  /** Makes the agent's database, and the customers in it. */
  static async invent(folder) {
    const { openDatabase } = await import(pathToFileURL(join(folder, "agent", "database.mjs")));
    const db = openDatabase(join(folder, "agent.db"));
    const insert = db.prepare("INSERT INTO accounts (id, name, email, plan, status) VALUES (?, ?, ?, ?, ?)");
    db.transaction(() => {
      for (let number = 1; number <= CUSTOMERS; number++) {
        const id = customerOf(number);
        const state = isActive(number) ? ["plus", "active"] : ["none", "cancelled"];
        insert.run(id, `Customer ${number}`, `${id}@example.com`, ...state);
      }
    }).immediate();
    return new Customers(folder, db);
  }

  /** All rows by ID: `plan status note`. */
  all() {
    const rows = this.#db.prepare("SELECT id, plan, status, note FROM accounts ORDER BY id").all();
    return new Map(rows.map(({ id, plan, status, note }) => [id, [plan, status, note].join(" ").trim()]));
  }

  /** A colleague puts customers on another plan, in a program that knows nothing of the agent. */
  putOnFamily(ids) {
    const update = this.#db.prepare("UPDATE accounts SET plan = 'family' WHERE id = ?");
    for (const id of ids) update.run(id);
  }

  /** A colleague writes something beside a customer, which the agent has not touched. */
  addNote(id, note) {
    this.#db.prepare("UPDATE accounts SET note = ? WHERE id = ?").run(note, id);
  }

  /** When a version's last write of a customer's had begun and had ended, in epoch milliseconds. */
  lastWrite(version) {
    this.#ledger ??= new Database(join(this.#folder, "actions.db"));
    const [last] = this.#ledger
      .prepare(
        "SELECT max(started_at) AS began, max(ended_at) AS ended FROM clawproof_actions WHERE version = ? AND status = 'done' AND NOT drill",
      )
      .all(version);
    return last;
  }

  close() {
    this.#ledger?.close();
    this.#db.close();
  }
}
