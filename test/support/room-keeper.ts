import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The port at which room is given out. */
    room: number;
  }
}

interface Keeper {
  port: number;
  close(): void;
}

/** Gives out room, for as long as vitest runs: all processors, in per cent of one. */
export default async function setUp({ provide }: TestProject): Promise<() => void> {
  const keeper = await keepRoom(100 * availableParallelism());
  provide("room", keeper.port);
  return keeper.close;
}

/** Whoever connects writes its share, is answered when there is room for it, and gives it back by closing. */
export async function keepRoom(whole: number): Promise<Keeper> {
  const waiting: { socket: Socket; share: number }[] = [];
  let free = whole;

  const serveNext = (): void => {
    for (let next = waiting[0]; next && next.share <= free; next = waiting[0]) {
      waiting.shift();
      const { socket, share } = next;
      if (socket.destroyed) continue;
      free -= share;
      socket.once("close", () => {
        free += share;
        serveNext();
      });
      socket.write("come in\n");
    }
  };
  const server = createServer((socket) => {
    // A worker that was ended resets its connections; what counts is that they close.
    socket.on("error", () => undefined);
    socket.once("data", (words) => {
      waiting.push({ socket, share: Math.min(Number(String(words)), whole) });
      serveNext();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
