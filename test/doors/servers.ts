import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { createSecrets } from "../../src/config/secret-store.ts";
import type { CallContext } from "../../src/doors/door.ts";
import { afterThisTest } from "../support/ending.ts";

/** Runs after the test, whatever became of it. */
export { afterThisTest as afterThis };

/** A server on a free port of this machine that ends with the test; its address without a path. */
export async function serve(
  listener: (...given: Parameters<RequestListener>) => unknown,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void listener(request, response);
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, server };
}

/** As `serve`, below HTTP: what a broken or silent server does. */
export async function serveTcp(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  afterThisTest(() => {
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

export async function listen(server: TcpServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterThisTest(() => {
    if ("closeAllConnections" in server) (server as Server).closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An address of this machine where nobody listens. */
export async function nobody(): Promise<string> {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

/** A context with secrets from `env`; commands run in the folder of this file. */
export function contextOf(env: Record<string, string> = {}, more: Partial<CallContext> = {}): CallContext {
  const directory = import.meta.dirname;
  const secrets = createSecrets({ config: undefined, directory, env, readCommand: () => Promise.resolve("") });
  return { secrets, placeholders: {}, http: {}, directory, timeoutMs: 5_000, ...more };
}
