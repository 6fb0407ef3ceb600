import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterThisTest } from "../../support/ending.ts";

interface Kept {
  data: unknown;
}

/** Somebody else's system of record, reached over HTTP: things by name, got, put and deleted. It keeps no versions. */
export class Service {
  url = "";
  readonly things = new Map<string, unknown>();
  /** Methods that it refuses from now on. */
  readonly refuses = new Set<string>();

  static async open(): Promise<Service> {
    const service = new Service();
    const server = createServer((request, response) => {
      void service.#answer(request).then(([status, body]) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    afterThisTest(() => server.close());
    return service;
  }

  async #answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    const { method = "GET", url = "/" } = request;
    const name = decodeURIComponent(url.slice(1));
    const body = method === "PUT" ? ((await json(request)) as Kept) : null;
    if (this.refuses.has(method)) return [403, { error: "not any more" }];
    if (body !== null) this.things.set(name, body.data);
    else if (!this.things.has(name)) return [404, {}];
    else if (method === "DELETE") this.things.delete(name);
    return [200, { data: this.things.get(name) }];
  }

  /** As the agent asks it; null where there is nothing of that name. */
  async get(name: string): Promise<unknown> {
    return this.#ask("GET", name);
  }

  async put(name: string, data: unknown): Promise<unknown> {
    return this.#ask("PUT", name, { data });
  }

  async delete(name: string): Promise<unknown> {
    return this.#ask("DELETE", name);
  }

  async #ask(method: string, name: string, body?: Kept): Promise<unknown> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${this.url}/${encodeURIComponent(name)}`, { method, ...sent });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return ((await answer.json()) as Kept).data ?? null;
  }
}
