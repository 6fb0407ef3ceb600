/** The addresses of one service, gone through in turn. Streams, polls and reports each keep to the one that serves them. */
export class Addresses {
  readonly #urls: readonly string[];
  #index = 0;

  /** Throws TypeError for what is no address of a service. */
  constructor(urls: readonly string[]) {
    if (urls.length === 0) throw new TypeError("the switch has no address");
    this.#urls = urls.map(baseOf);
  }

  get current(): string {
    return this.#urls[this.#index] ?? "";
  }

  next(): void {
    this.#index = (this.#index + 1) % this.#urls.length;
  }
}

/** Without a slash at its end. */
function baseOf(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text))
    throw new TypeError("the switch's address is no http or https one");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError(`${url.origin}: an address of the switch is https://HOST[:PORT][/PATH] and nothing more`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
