/** Shorter values would be found by chance in ordinary words and figures; they are hidden where they were put in. */
const SHORTEST_SOUGHT = 6;

/** Hides known values in anything that may be printed; each is shown as `${NAME}`. */
export interface Redactor {
  learn(name: string, value: string): void;
  redact(text: string): string;
}

/** Makes a redactor that seeks every spelling of every value it has learnt: quick enough for megabytes. */
export function createRedactor(): Redactor {
  const shownAs = new Map<string, string>();
  let longestFirst: [spelling: string, shown: string][] = [];
  return {
    learn(name, value) {
      for (const part of [value, ...passwordsIn(value)]) {
        for (const spelling of spellings(part)) if (!shownAs.has(spelling)) shownAs.set(spelling, `\${${name}}`);
      }
      longestFirst = [...shownAs].sort(([a], [b]) => b.length - a.length);
    },
    redact(text) {
      let shown = text;
      // One plain search a spelling: measured ten times as fast as one pattern of all of them.
      for (const [spelling, name] of longestFirst) {
        if (shown.includes(spelling)) shown = shown.replaceAll(spelling, () => name);
      }
      return shown;
    },
  };
}

/** A connection string gives its password away too: drivers quote it alone. */
function passwordsIn(value: string): string[] {
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*?:([^/?#]*)@/i.exec(value) ?? [];
  return password === undefined ? [] : [password, percentDecoded(password)];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function spellings(value: string): string[] {
  if (value.length < SHORTEST_SOUGHT) return [];
  const bytes = Buffer.from(value, "utf8");
  // Half a character (a lone surrogate) cannot be percent-encoded; written out it becomes this.
  const text = bytes.toString("utf8");
  const all = [value, ...inUrls(text), ...inJson(text), inHtml(text), ...inHex(bytes), ...inBase64(bytes)];
  return all.filter((spelling) => spelling.length >= SHORTEST_SOUGHT);
}

function inUrls(value: string): string[] {
  const strict = encodeURIComponent(value).replace(/[!'()*]/g, (character) => percent(character));
  const all = [strict, encodeURIComponent(value), encodeURI(value)];
  const inForms = all.map((text) => text.replaceAll("%20", "+"));
  const inLowerCase = [...all, ...inForms].map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...all, ...inForms, ...inLowerCase];
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** As JSON.stringify writes it, as encoders that leave only ASCII or escape slashes do, and as JSON inside JSON. */
function inJson(value: string): string[] {
  const plain = escaped(value);
  const ascii = plain.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [plain, ascii, plain.replaceAll("/", "\\/"), escaped(plain)];
}

function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function inHtml(value: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return value.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function inHex(bytes: Buffer): string[] {
  const hex = bytes.toString("hex");
  return [hex, hex.toUpperCase()];
}

/**
 * Base64 says three bytes in four letters, so a value inside a longer text (`user:TOKEN`) has one of three spellings.
 * The letters that its neighbours have a part in are left out: they differ, and tell at most a few bits.
 */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const own = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [own, own.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** What URLs in a line hide, blotted out sign by sign, so that a caret under the line still points right. */
export function blotUrls(line: string): string {
  return line.replace(/:\/\/[^\s"']*/g, (url) =>
    url.replace(/(?<=^:\/\/).*(?=@)/, blot).replace(/(?<=[?&][^=&]*=)[^&]*/g, blot),
  );
}

/** References to secrets are none themselves, and may be what is wrong with the line. */
function blot(text: string): string {
  return text.replace(/\$\{[^}]*\}|./g, (part) => (part.startsWith("${") ? part : "•"));
}

/** A URL as evidence may show it: without user, password, query and fragment; works on unfilled templates too. */
export function publicUrl(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1");
}

/** A word of a command as evidence may show it: a URL in it, also behind an option (`--url=…`), as `publicUrl` shows it. */
export function publicWord(word: string): string {
  return word.replace(/(?:[a-z][a-z0-9+.-]*:\/\/|^\$\{).*/is, publicUrl);
}
