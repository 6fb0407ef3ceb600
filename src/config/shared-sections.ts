import * as z from "zod";
import { duration, literalText, secretName } from "./primitives.ts";

/** Sections that clawproof.yaml and switch.yaml have in common. */

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** Where a kill switch service answers: paths are put behind it, so it can have no query of its own. */
export const isServiceUrl = (text: string): boolean => isWebUrl(text) && !/[?#]/.test(text);

/** Text that must hold a rule once its `${…}` are filled in; where it has none, that is known at once. */
export function fillable(holds: (text: string) => boolean, expected: string) {
  return literalText.min(1).refine((text) => text.includes("${") || holds(text), expected);
}

/** An absolute URL that may hold `${…}`. */
export const webUrl = fillable(isWebUrl, "expected a URL that begins with https:// or http://");

/** Where news of the kill switch goes. All texts may hold `${SECRETS}`. */
export const alertRoute = z.union([
  z.strictObject({
    webhook: z.union([webUrl, z.strictObject({ url: webUrl, secret: literalText.min(1).optional() })]),
  }),
  z.strictObject({ slack: webUrl }),
  z.strictObject({
    pagerduty: z.union([
      literalText.min(1),
      z.strictObject({ routingKey: literalText.min(1), url: webUrl.optional() }),
    ]),
  }),
]);

const secretSource = z.union([
  z.strictObject({ file: literalText.min(1) }),
  z.strictObject({ command: z.array(literalText).min(1) }),
]);

export const secretsSection = z.record(secretName, secretSource);

export const httpSection = z.strictObject({
  ca: literalText.min(1).optional(),
  proxy: literalText.min(1).optional(),
  timeout: duration.optional(),
});

export type AlertRoute = z.infer<typeof alertRoute>;
export type SecretsSection = z.infer<typeof secretsSection>;
export type HttpSettings = z.infer<typeof httpSection>;
