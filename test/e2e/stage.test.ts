import { expect, it } from "vitest";
import { moved } from "../../fixtures/stage.mjs";

it("a staged sample's addresses are put in even where its ports begin like those they replace", () => {
  const at = (agent: number, killSwitch: number, alerts: number): string =>
    ["agent", agent, "switch", killSwitch, "alerts", alerts]
      .map((part) => (typeof part === "number" ? `http://127.0.0.1:${part}` : part))
      .join(" ");
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  expect(moved(at(4100, 4200, 4300), { 4100: url(42003), 4200: url(43001), 4300: url(41007) })).toBe(
    at(42003, 43001, 41007),
  );
});
