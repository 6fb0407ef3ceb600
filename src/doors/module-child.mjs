/**
 * The process in which an agent's module is imported and its undo functions are called: whatever the module does (ends
 * its process, hangs, begins to listen), the one who asked goes on. Argument: the file. It answers each message
 * `{ id, ask, … }` with `{ id, value }` or `{ id, error }`. Plain JavaScript, because tests start it from here and Node 20
 * reads no types.
 */
import { pathToFileURL } from "node:url";

const [file = ""] = process.argv.slice(2);
const stops = new Map();
let functions = new Map();

function listens() {
  return process.getActiveResourcesInfo().includes("TCPServerWrap");
}

/** @param {{ name: string, guard: boolean }} wanted */
async function load({ name, guard }) {
  const module = await import(pathToFileURL(file).href);
  // What listens because of the import has begun to by the next turn.
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (listens())
    throw new Error("importing it starts something that listens: it must be importable without starting the agent");
  const exported = name === "" ? module.default : module[name];
  if (exported === undefined) throw new Error(`it exports nothing named ${name || "default"}`);
  if (guard && typeof exported.undoHandlers !== "function")
    throw new Error(`${name || "its default export"} is no guard`);
  if (!guard && typeof exported !== "function") throw new Error(`${name || "its default export"} is no function`);
  functions = guard ? new Map(exported.undoHandlers()) : new Map([["", exported]]);
  return [...functions].map(([type, undo]) => ({
    type,
    looks: typeof undo.state === "function",
    idempotent: undo.idempotent === true,
    residue: typeof undo.residue === "string" ? undo.residue : null,
    text: String(undo),
  }));
}

async function call({ id, type, looking, record, idempotencyKey }) {
  const undo = functions.get(type);
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    const work = looking ? undo.state : undo;
    const value = await work(record, { signal: stop.signal, idempotencyKey });
    return looking ? (value ?? null) : null;
  } finally {
    stops.delete(id);
  }
}

async function answer(message) {
  try {
    const value = message.ask === "load" ? await load(message) : await call(message);
    process.send?.({ id: message.id, value });
  } catch (error) {
    process.send?.({ id: message.id, error: error instanceof Error ? error.message : String(error) });
  }
}

process.on("message", (message) => {
  if (message.ask === "stop") stops.get(message.call)?.abort();
  else void answer(message);
});
process.on("disconnect", () => process.exit());
