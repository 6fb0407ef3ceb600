import { describe, expect, it } from "vitest";
import { acceptedLocales, fallbackText } from "../../src/guard/fallback.ts";

const ASKED = { type: "refund", reason: "stopped" as const, locales: [] as string[] };

describe("fallback", () => {
  it("is a text, or a function of what was refused", () => {
    expect(fallbackText("Paused.", ASKED)).toBe("Paused.");
    expect(fallbackText(({ type, reason }) => `${type}: ${reason}`, ASKED)).toBe("refund: stopped");
    expect(fallbackText(undefined, ASKED)).toBeNull();
  });

  it("of a function that fails is left out: a refusal stays a refusal", () => {
    const failing = (): string => {
      throw new Error("no template");
    };
    expect(fallbackText(failing, ASKED)).toBeNull();
    expect(fallbackText(() => "", ASKED)).toBeNull();
  });

  const TEXTS = { en: "Paused.", de: "Pausiert.", "de-AT": "Pausiert, bitt' schön." };
  it.each([
    [[], "Paused."],
    [["fr"], "Paused."],
    [["de"], "Pausiert."],
    [["de-CH-1996"], "Pausiert."],
    [["DE-at"], "Pausiert, bitt' schön."],
    [["fr", "de"], "Pausiert."],
  ])("by locale: %j reads %s", (locales, text) => {
    expect(fallbackText(TEXTS, { ...ASKED, locales })).toBe(text);
  });
});

describe("Accept-Language", () => {
  it.each([
    [null, []],
    ["", []],
    ["de", ["de"]],
    ["en;q=0.5, de-AT, fr;q=0.9", ["de-AT", "fr", "en"]],
    ["de;q=0, en", ["en"]],
    ["*, en;q=0.1", ["en"]],
    ["<script>, en", ["en"]],
  ])("%j", (header, locales) => {
    expect(acceptedLocales(header)).toEqual(locales);
  });
});
