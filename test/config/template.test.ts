import { describe, expect, it } from "vitest";
import { fill, fillJson, mask, parseTemplate, requiredSecretsIn, secretsIn } from "../../src/config/template.ts";
import type { Filling, PlaceholderValues } from "../../src/config/template.ts";
import { createSecrets } from "../../src/config/secret-store.ts";

function filling(env: Record<string, string> = {}, placeholders: PlaceholderValues = {}): Filling {
  const readCommand = (): Promise<string> => Promise.reject(new Error("no commands here"));
  return { secrets: createSecrets({ config: {}, directory: "/", env, readCommand }), placeholders };
}

describe("parseTemplate", () => {
  it("tells secrets, defaults, placeholders, record fields and literals apart", () => {
    const { parts, problems } = parseTemplate("a${TOKEN}b${HOST:-x:1}${scope}${record.reference/id}$${c}$");
    expect(problems).toEqual([]);
    expect(parts).toEqual([
      { kind: "literal", text: "a" },
      { kind: "secret", name: "TOKEN" },
      { kind: "literal", text: "b" },
      { kind: "secret", name: "HOST", default: "x:1" },
      { kind: "placeholder", name: "scope" },
      { kind: "record", field: "reference", pointer: "/id" },
      { kind: "literal", text: "${" },
      { kind: "literal", text: "c}$" },
    ]);
  });

  it.each([
    [
      "${record}",
      "unknown placeholder `${record}`; a field of the action record is `${record.reference}`, what is in one `${record.before/plan}`",
    ],
    ["${scop}", "unknown placeholder `${scop}`; did you mean `${scope}`?"],
    ["${ttlseconds}", "unknown placeholder `${ttlseconds}`; did you mean `${ttlSeconds}`?"],
    ["${TOKEN", "`${` without its `}`; a literal `${` is written `$${`"],
    ["${A:-${B}}", "the default of `${A}` cannot hold another `${…}`"],
  ])("says what is wrong with %s", (text, problem) => {
    expect(parseTemplate(text).problems).toEqual([problem]);
  });

  it("names what is known where nothing is near", () => {
    expect(parseTemplate("${1}").problems[0]).toContain("known are scope, reason,");
  });
});

describe("fill", () => {
  it("fills in and keeps literals", async () => {
    const given = filling({ TOKEN: "t0ken" }, { scope: "drill/x" });
    expect(await fill("Bearer ${TOKEN} $${TOKEN} ${scope}", given)).toBe("Bearer t0ken ${TOKEN} drill/x");
  });

  it("says which secret is not set", async () => {
    await expect(fill("${SWITCH_TOKEN}", filling())).rejects.toThrow("SWITCH_TOKEN is not set");
    await expect(fill("${SWITCH_TOKEN}", filling({ SWITCH_TOKEN: "" }))).rejects.toThrow("SWITCH_TOKEN is not set");
  });

  it("takes a default only where nothing is set", async () => {
    expect(await fill("${PORT:-80}", filling())).toBe("80");
    expect(await fill("${PORT:-80}", filling({ PORT: "81" }))).toBe("81");
    expect(await fill("${PORT:-}", filling())).toBe("");
  });

  it("says which placeholder has no value here", async () => {
    await expect(fill("${trace}", filling())).rejects.toThrow("`${trace}` has no value here");
    await expect(fill("${record.id}", filling())).rejects.toThrow("`${record.id}` has no value here");
  });

  it.each([
    ["http://h/state?scope=${scope}", "http://h/state?scope=drill%2Fa%20b"],
    ["/scopes/${scope}", "/scopes/drill%2Fa%20b"],
    ["${BASE}/stop", "https://switch.example:8443/api/stop"],
    ["${BASE}/stop?key=${KEY}", "https://switch.example:8443/api/stop?key=a%2Fb%40c%3D"],
    ["https://${HOST}/x", "https://h.example:9/x"],
    ["https://u:${KEY}@h.example/", "https://u:a%2Fb%40c%3D@h.example/"],
    ["https://${KEY}:${KEY}@h.example/", "https://a%2Fb%40c%3D:a%2Fb%40c%3D@h.example/"],
    ["https://agent.${environment}.example.com/", "https://agent.staging.example.com/"],
    ["https://h/${UNSET:-a b}", "https://h/a%20b"],
    ["${UNSET:-http://127.0.0.1:1}/x", "http://127.0.0.1:1/x"],
  ])("encodes in the URL %s what is data, and no host", async (text, url) => {
    const env = { BASE: "https://switch.example:8443/api", KEY: "a/b@c=", HOST: "h.example:9" };
    expect(await fill(text, filling(env, { scope: "drill/a b", environment: "staging" }), "url")).toBe(url);
  });
});

describe("fillJson", () => {
  it("keeps a placeholder's own type where a string is nothing else", async () => {
    const given = filling({ TOKEN: "123456" }, { seconds: 40, scope: "*" });
    const value = { a: "${seconds}", b: "${seconds}s", c: ["${scope}", 1, null, { d: true }], e: "${TOKEN}" };
    expect(await fillJson(value, given)).toEqual({ a: 40, b: "40s", c: ["*", 1, null, { d: true }], e: "123456" });
  });

  it("fills null in as a state that was not there, and never as a name", async () => {
    const given = { ...filling(), record: { before: null, reference: null, target: null } };
    expect(await fillJson({ to: "${record.before}" }, given)).toEqual({ to: null });
    for (const name of ["reference", "target"]) {
      const wanted = `\`\${record.${name}}\` is empty in this record`;
      await expect(fillJson({ id: `\${record.${name}}` }, given)).rejects.toThrow(wanted);
    }
  });
});

describe("secretsIn", () => {
  it("names each secret once, at any depth", () => {
    const call = {
      url: "${BASE:-http://h}/x",
      headers: { a: "Bearer ${TOKEN}" },
      json: ["${TOKEN}", 1, "${scope}", "$${NO}"],
    };
    expect(secretsIn(call)).toEqual(["BASE", "TOKEN"]);
    expect(requiredSecretsIn(call)).toEqual(["TOKEN"]);
  });
});

describe("mask", () => {
  it("shows names for secrets and what would be sent for the rest", async () => {
    const text = "${BASE:-http://h}/${scope}?k=${TOKEN}&t=${trace}";
    expect(await mask(text, filling({ TOKEN: "sesame-open" }, { scope: "*" }))).toBe(
      "http://h/*?k=${TOKEN}&t=${trace}",
    );
    expect(await mask(text, filling({ BASE: "http://b" }))).toBe("${BASE}/${scope}?k=${TOKEN}&t=${trace}");
  });
});
