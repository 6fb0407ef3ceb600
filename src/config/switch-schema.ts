import * as z from "zod";
import { isAddressRange, LISTEN_FORMS, parseListen, PROXY_FORMS } from "./listening.ts";
import { duration, literalText } from "./primitives.ts";
import { alertRoute, fillable, httpSection, secretsSection, webUrl } from "./shared-sections.ts";

/** switch.yaml, the settings of `clawproof serve` (contract, section 4). The published JSON Schema is generated from here. */

const SHORTEST_LEASE_MS = 1_000;
const LONGEST_LEASE_MS = 30_000;

export const switchSection = z.strictObject({
  name: literalText.min(1).optional(),
  listen: fillable((text) => parseListen(text) !== null, `expected ${LISTEN_FORMS}`).optional(),
  data: literalText.min(1).optional(),
  tls: z.strictObject({ cert: literalText.min(1), key: literalText.min(1) }).optional(),
  publicUrl: webUrl.optional(),
  behindProxy: z
    .array(fillable(isAddressRange, `expected ${PROXY_FORMS}`))
    .min(1)
    .optional(),
  lease: duration
    .refine((ms) => ms >= SHORTEST_LEASE_MS && ms <= LONGEST_LEASE_MS, "expected a lease from 1s to 30s")
    .optional(),
  alerts: z.array(alertRoute).optional(),
});

export const switchFileSchema = z.strictObject({
  version: z.literal(1).optional(),
  switch: switchSection,
  secrets: secretsSection.optional(),
  http: httpSection.optional(),
});

export type SwitchFile = z.infer<typeof switchFileSchema>;
