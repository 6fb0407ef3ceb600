import type { Suite } from "../../src/audit/check.ts";
import activationAlerting from "./activation-alerting.ts";
import breakerThresholds from "./breaker-thresholds.ts";
import canaryTraffic from "./canary-traffic.ts";
import drillRecency from "./drill-recency.ts";
import fallbackResponse from "./fallback-response.ts";
import gracefulDegradation from "./graceful-degradation.ts";
import killSwitchEndpoint from "./kill-switch-endpoint.ts";
import killSwitchLatency from "./kill-switch-latency.ts";
import rollbackCoverage from "./rollback-coverage.ts";
import rollbackState from "./rollback-state.ts";

/** Check 05, in the order of its lines; the only list of its checks. */
const suite: Suite = {
  id: "05",
  title: "Rollback & Kill Switches",
  checks: [
    killSwitchEndpoint,
    killSwitchLatency,
    breakerThresholds,
    gracefulDegradation,
    rollbackState,
    rollbackCoverage,
    canaryTraffic,
    fallbackResponse,
    activationAlerting,
    drillRecency,
  ],
};

export default suite;
