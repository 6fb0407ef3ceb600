import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "./caller.ts";
import type { Switch } from "./switch.ts";
import type { Tokens } from "./tokens.ts";

const BEAT_MS = 1_000;
/** A second is cut into so many turns, each for a part of the clients: 5,000 beats at once would hold up an order for 80 ms. */
const TURNS = 50;
/** A client that has let so much wait is not following: it is dropped, and comes back or does not. */
const MOST_WAITING_BYTES = 256 * 1024;

interface Client {
  socket: Socket;
  tokenId: string;
  /** Whether its sign-in still holds. */
  holds: () => boolean;
}

/**
 * The event streams. Each client's socket is written to directly with one Buffer for all, without chunks: at 5,000
 * clients that takes two thirds of the time of `response.write`, which waits until all have been queued.
 */
export class Events {
  readonly #killSwitch: Switch;
  readonly #turns: Set<Client>[] = Array.from({ length: TURNS }, () => new Set());
  readonly #timer: NodeJS.Timeout;
  #turn = 0;
  #joined = 0;

  constructor(killSwitch: Switch, tokens: Tokens) {
    this.#killSwitch = killSwitch;
    killSwitch.onOrder(() => {
      if (this.size > 0) this.#toAll(this.#state());
    });
    tokens.onRevoked((tokenId) => this.#drop((client) => client.tokenId === tokenId));
    this.#timer = setInterval(() => this.#beat(), BEAT_MS / TURNS);
    this.#timer.unref();
  }

  /** How many follow. */
  get size(): number {
    return this.#turns.reduce((sum, { size }) => sum + size, 0);
  }

  /** Turns a response into a stream: the state at once, then every order, and a beat a second for as long as the sign-in `holds`. */
  join(response: ServerResponse, { tokenId }: Caller, holds: () => boolean): void {
    const { socket } = response;
    if (!socket) return;
    // Nothing but events is on the socket from here: no length, no chunks, the end of the connection is the end.
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    response.flushHeaders();
    socket.setNoDelay(true);
    socket.setTimeout(0);
    const client = { socket, tokenId, holds };
    const turn = this.#turns[this.#joined++ % TURNS];
    turn?.add(client);
    socket.once("close", () => turn?.delete(client));
    this.#write(client, this.#state());
  }

  close(): void {
    clearInterval(this.#timer);
    this.#drop(() => true);
  }

  #beat(): void {
    this.#turn = (this.#turn + 1) % TURNS;
    const clients = this.#turns[this.#turn];
    if (!clients || clients.size === 0) return;
    const { series, epoch } = this.#killSwitch.standing;
    const { boot } = this.#killSwitch;
    const beat = frame("beat", { series, epoch, sentAt: this.#killSwitch.sentAt(), boot });
    for (const client of clients) {
      if (client.holds()) this.#write(client, beat);
      else client.socket.destroy();
    }
  }

  #state(): Buffer {
    const state = this.#killSwitch.state();
    return frame("state", state, `${state.series}.${state.epoch}`);
  }

  #toAll(data: Buffer): void {
    for (const turn of this.#turns) for (const client of turn) this.#write(client, data);
  }

  #write({ socket }: Client, data: Buffer): void {
    // What waits from before counts, not what is sent now: a state with many orders may be larger by itself.
    if (socket.writableLength > MOST_WAITING_BYTES) socket.destroy();
    else socket.write(data);
  }

  #drop(which: (client: Client) => boolean): void {
    for (const turn of this.#turns) for (const client of turn) if (which(client)) client.socket.destroy();
  }
}

function frame(event: string, data: object, id?: string): Buffer {
  return Buffer.from(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
