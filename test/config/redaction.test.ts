import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { blotUrls, createRedactor, publicUrl } from "../../src/config/redaction.ts";

function redactorOf(value: string): (text: string) => string {
  const redactor = createRedactor();
  redactor.learn("TOKEN", value);
  return (text) => redactor.redact(text);
}

const VALUE = 's3cr/t+v"al&ü e';

describe("redact", () => {
  it.each<[string, (value: string) => string]>([
    ["as it is", (value) => value],
    ["percent-encoded", encodeURIComponent],
    ["percent-encoded in lower case", (value) => encodeURIComponent(value).toLowerCase()],
    ["as a form sends it", (value) => new URLSearchParams({ v: value }).toString().slice(2)],
    ["in JSON", (value) => JSON.stringify(value)],
    ["in JSON of ASCII alone", (value) => JSON.stringify(value).replace("ü", "\\u00fc")],
    ["in JSON with escaped slashes", (value) => JSON.stringify(value).replaceAll("/", "\\/")],
    ["in JSON inside JSON", (value) => JSON.stringify(JSON.stringify(value))],
    ["in HTML", (value) => value.replace("&", "&amp;").replace('"', "&quot;")],
    ["in hexadecimal", (value) => Buffer.from(value).toString("hex")],
    ["in capital hexadecimal", (value) => Buffer.from(value).toString("hex").toUpperCase()],
  ])("hides a value %s", (_, encode) => {
    const encoded = encode(VALUE);
    const shown = redactorOf(VALUE)(`before ${encoded} after`);
    expect(shown).toContain("${TOKEN}");
    expect(shown).not.toContain(encoded);
  });

  it("hides a value in base64 wherever it stands in what was encoded", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (value, before, after) => {
        const encoded = Buffer.from(before + value + after);
        const redact = redactorOf(value);
        for (const text of [encoded.toString("base64"), encoded.toString("base64url")]) {
          expect(redact(text)).toContain("${TOKEN}");
        }
      }),
    );
  });

  it("hides the longer of two values that overlap", () => {
    const redactor = createRedactor();
    redactor.learn("SHORT", "abcdef");
    redactor.learn("LONG", "abcdefghij");
    expect(redactor.redact("abcdefghij abcdef")).toBe("${LONG} ${SHORT}");
  });

  it("hides the password of a connection string by itself", () => {
    expect(redactorOf("postgres://app:pa%24%24word@db/x")('login failed with "pa$$word"')).toBe(
      'login failed with "${TOKEN}"',
    );
  });

  it("seeks no value under 6 characters", () => {
    expect(redactorOf("12345")("12345")).toBe("12345");
    expect(redactorOf("123456")("123456")).toBe("${TOKEN}");
  });

  it("is quick on megabytes", () => {
    const redactor = createRedactor();
    for (let index = 0; index < 10; index++) redactor.learn(`TOKEN_${index}`, `secret/value+${index}`.repeat(3));
    const text = "an ordinary line of a log, with secrets nowhere in it\n".repeat(100_000);
    const began = performance.now();
    redactor.redact(text);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe("publicUrl", () => {
  it.each([
    ["https://user:pass@h.example:8/p?q=1#f", "https://h.example:8/p"],
    ["https://user:p@ss@h.example/p", "https://h.example/p"],
    ["http://h/a@b", "http://h/a@b"],
    ["${BASE}/p?token=${T}", "${BASE}/p"],
    ["/p?q", "/p"],
  ])("shows %s as %s", (url, shown) => {
    expect(publicUrl(url)).toBe(shown);
  });
});

describe("blotUrls", () => {
  it.each([
    ["db: postgres://kim:pass@db/x # why", "db: postgres://••••••••@db/x # why"],
    ["url: https://h/p?key=abc&scope=${scope}", "url: https://h/p?key=•••&scope=${scope}"],
    ["db: postgres://kim:${PASSWORD}@db/x", "db: postgres://••••${PASSWORD}@db/x"],
    ["owner: kim@example.com", "owner: kim@example.com"],
  ])("%s", (line, shown) => {
    expect(blotUrls(line)).toBe(shown);
    expect(shown).toHaveLength(line.length);
  });
});
