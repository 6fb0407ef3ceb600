const FORM = /^(?:\/(?:[^~/]|~[01])*)*$/;
const INDEX = /^(?:0|[1-9]\d*)$/;

/** Whether this is a JSON Pointer (RFC 6901): empty, or beginning with a slash, with `~` only as `~0` and `~1`. */
export function isPointer(text: string): boolean {
  return FORM.test(text);
}

/** What a JSON Pointer points at, through own properties only: data must not be able to reach a prototype. */
export function readPointer(value: unknown, pointer: string): { found: true; value: unknown } | { found: false } {
  if (!isPointer(pointer)) return { found: false };
  let at = value;
  for (const token of pointer.split("/").slice(1).map(unescape)) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, token)) return { found: false };
    // An array's `length` is its own property too, but no element of it.
    if (Array.isArray(at) && !INDEX.test(token)) return { found: false };
    at = Reflect.get(at, token);
  }
  return { found: true, value: at };
}

/** `~1` before `~0`, so that `~01` comes out as `~1` (RFC 6901, section 4). */
function unescape(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}
