import { field, isMap } from "./fields.ts";
import type { FieldReader, YamlMap } from "./fields.ts";
import { surgePods } from "./argo-pods.ts";
import type { CanaryStep, StepKind } from "./argo-steps.ts";

/** The routers of `trafficRouting` that Argo Rollouts knows (pkg/apis/rollouts/v1alpha1/types.go, RolloutTrafficRouting). */
const ROUTERS = ["istio", "nginx", "alb", "smi", "ambassador", "appMesh", "traefik", "apisix"] as const;
export type Router = (typeof ROUTERS)[number] | "plugins";

/** What stands under `trafficRouting`; none where pods alone share out the traffic. */
export interface Routing {
  given: boolean;
  routers: ReadonlySet<Router>;
  /** What 100% is in weights. */
  maxWeight: number;
  pingPong: boolean;
  /** Names under `managedRoutes`; undefined where that is not given. */
  managedRoutes: string[] | undefined;
}

export function readRouting(canary: YamlMap, path: string, reader: FieldReader): Routing {
  const routing = reader.map(canary, "trafficRouting", `${path}.trafficRouting`);
  const routers = new Set<Router>(
    ROUTERS.filter((router) => reader.map(routing, router, `${path}.trafficRouting.${router}`)),
  );
  const plugins = reader.map(routing, "plugins", `${path}.trafficRouting.plugins`);
  if (Object.keys(plugins ?? {}).length > 0) routers.add("plugins");
  const managed = field(routing, "managedRoutes");
  return {
    given: routing !== undefined,
    routers,
    maxWeight: reader.integer(routing, "maxTrafficWeight", `${path}.trafficRouting.maxTrafficWeight`) ?? 100,
    pingPong: reader.map(canary, "pingPong", `${path}.pingPong`) !== undefined,
    managedRoutes: Array.isArray(managed) ? managed.map((route) => String(field(route, "name"))) : undefined,
  };
}

/**
 * Why Argo Rollouts would refuse this canary, as far as traffic is concerned: a rollout that never runs shows nothing
 * (argo-rollouts pkg/apis/rollouts/validation/validation.go, ValidateRolloutStrategyCanary).
 */
export function canaryFaults(canary: YamlMap, routing: Routing, steps: readonly CanaryStep[]): string[] {
  return [
    ...surgeFaults(canary),
    ...serviceFaults(canary, routing),
    ...routingFaults(canary, routing),
    ...steps.flatMap((step) => stepFaults(step, routing)),
  ];
}

function surgeFaults(canary: YamlMap): string[] {
  // Of 100 pods every percentage but 0% comes to a pod: what counts here is only whether it is zero.
  const [surge, unavailable] = ["maxSurge", "maxUnavailable"].map((key) => surgePods(field(canary, key) ?? "25%", 100));
  if (surge === undefined || unavailable === undefined)
    return ["maxSurge or maxUnavailable is neither a number nor a percentage"];
  return surge === 0 && unavailable === 0 ? ["maxSurge and maxUnavailable are both 0"] : [];
}

const NEED_SERVICES: readonly Router[] = ["smi", "apisix", "ambassador", "nginx", "appMesh", "traefik"];

function serviceFaults(canary: YamlMap, routing: Routing): string[] {
  const given = (key: string) => field(canary, key) !== undefined && field(canary, key) !== "";
  const faults: string[] = [];
  if (given("canaryService") && field(canary, "canaryService") === field(canary, "stableService")) {
    faults.push("canaryService and stableService are the same");
  }
  const [router] = [...routing.routers].filter((candidate) => needsServices(canary, routing, candidate));
  const missing = ["canaryService", "stableService"].filter((key) => !given(key));
  if (router !== undefined && missing.length > 0)
    faults.push(`trafficRouting.${router} needs ${missing.join(" and ")}`);
  return [...faults, ...pingPongFaults(canary, routing)];
}

function needsServices(canary: YamlMap, routing: Routing, router: Router): boolean {
  if (router === "alb") return !routing.pingPong;
  const istio = field(field(canary, "trafficRouting"), "istio");
  if (router === "istio") return !routing.pingPong && field(istio, "destinationRule") === undefined;
  return NEED_SERVICES.includes(router);
}

function pingPongFaults(canary: YamlMap, routing: Routing): string[] {
  if (!routing.pingPong) return [];
  const [ping, pong] = ["pingService", "pongService"].map((key) => field(field(canary, "pingPong"), key));
  const faults: string[] = [];
  if (!ping || !pong || ping === pong) faults.push("pingPong needs two different services");
  if (routing.given && !has(routing, "alb", "istio", "plugins"))
    faults.push("pingPong works with alb, istio and plugins only");
  const alb = field(field(canary, "trafficRouting"), "alb");
  if (isMap(alb) && !field(alb, "rootService")) faults.push("pingPong with alb needs rootService");
  return faults;
}

function routingFaults(canary: YamlMap, routing: Routing): string[] {
  const delay = field(canary, "scaleDownDelaySeconds") !== undefined;
  const dynamic = field(canary, "dynamicStableScale") === true;
  if (!routing.given) {
    const refused = [delay ? "scaleDownDelaySeconds" : "", dynamic ? "dynamicStableScale" : ""].filter(
      (key) => key !== "",
    );
    return refused.map((key) => `${key} needs trafficRouting`);
  }
  const faults = delay && dynamic ? ["dynamicStableScale and scaleDownDelaySeconds exclude each other"] : [];
  const maxGiven = field(field(canary, "trafficRouting"), "maxTrafficWeight") !== undefined;
  if (maxGiven && !has(routing, "nginx", "plugins")) faults.push("maxTrafficWeight works with nginx and plugins only");
  // Argo lets it through and divides by it.
  if (routing.maxWeight < 1) faults.push("maxTrafficWeight is below 1");
  // Argo lets this through too, and then shares out traffic by nothing that stands in the file.
  if (routing.routers.size === 0) faults.push("trafficRouting names no router");
  return faults;
}

const EXCLUSIVE: readonly StepKind[] = ["setWeight", "pause", "experiment", "analysis"];

function stepFaults(step: CanaryStep, routing: Routing): string[] {
  const { path, kinds, setWeight, experiment } = step;
  const faults: string[] = [];
  const together = EXCLUSIVE.filter((kind) => kinds.has(kind));
  if (together.length > 1) faults.push(`${path} holds ${together.join(" and ")}: each needs an item of its own`);
  if (kinds.size === 0) faults.push(`${path} is empty (a pause without end is written {})`);
  if (setWeight !== undefined && (setWeight < 0 || setWeight > routing.maxWeight)) {
    faults.push(`${path}.setWeight is ${setWeight}, not between 0 and ${routing.maxWeight}`);
  }
  if (kinds.has("setCanaryScale") && !routing.given) faults.push(`${path}.setCanaryScale needs trafficRouting`);
  if (experiment?.weighted === true && !has(routing, "alb", "smi", "istio", "plugins")) {
    faults.push(`${path}.experiment has weights, which need alb, smi, istio or plugins under trafficRouting`);
  }
  return [...faults, ...routeFaults(step, routing)];
}

function routeFaults(step: CanaryStep, routing: Routing): string[] {
  return step.routes.flatMap(({ kind, name }) => {
    const able =
      kind === "setHeaderRoute" ? has(routing, "istio", "alb", "apisix", "plugins") : has(routing, "istio", "plugins");
    if (!able) return [`${step.path}.${kind} needs another router under trafficRouting`];
    if (routing.managedRoutes?.includes(name) === true) return [];
    return [`${step.path}.${kind} names ${name || "no route"}, which is not in trafficRouting.managedRoutes`];
  });
}

function has(routing: Routing, ...routers: Router[]): boolean {
  return routers.some((router) => routing.routers.has(router));
}
