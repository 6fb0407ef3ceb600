import { field, isMap, textField } from "./fields.ts";
import type { YamlMap } from "./fields.ts";

/** A kind of object that shifts traffic and has no reader yet: its API group, its kinds, and its name in a message. */
interface ForeignKind {
  group: RegExp;
  kinds: RegExp;
  tool: string;
  /** Where the kind alone does not say that it shifts traffic. */
  when?: (object: YamlMap) => boolean;
}

const FOREIGN_KINDS: readonly ForeignKind[] = [
  { group: /^networking\.istio\.io$/, kinds: /^VirtualService$/, tool: "Istio" },
  { group: /^gateway\.networking\.k8s\.io$/, kinds: /^(?:HTTP|GRPC|TCP|TLS)Route$/, tool: "Gateway API" },
  { group: /^split\.smi-spec\.io$/, kinds: /^TrafficSplit$/, tool: "SMI" },
  { group: /^(?:networking\.k8s\.io|extensions)$/, kinds: /^Ingress$/, tool: "nginx canary", when: isCanaryIngress },
  {
    group: /^traefik\.(?:io|containo\.us)$/,
    kinds: /^(?:TraefikService|IngressRoute)$/,
    tool: "Traefik",
    when: hasWeights,
  },
  { group: /^serving\.knative\.dev$/, kinds: /^(?:Service|Route)$/, tool: "Knative" },
  { group: /^serving\.kserve\.io$/, kinds: /^InferenceService$/, tool: "KServe" },
  { group: /^rollouts\.kruise\.io$/, kinds: /^Rollout$/, tool: "OpenKruise" },
];

/** What to call an object that may shift traffic and is not read yet, such as `Istio VirtualService`; else undefined. */
export function foreignFormat(object: YamlMap): string | undefined {
  const group = apiGroup(object);
  const kind = textField(object, "kind") ?? "";
  const known = FOREIGN_KINDS.find((candidate) => candidate.group.test(group) && candidate.kinds.test(kind));
  if (known !== undefined) return known.when?.(object) === false ? undefined : `${known.tool} ${kind}`;
  return awsFormat(object) ?? azureFormat(object);
}

/** `argoproj.io` of `argoproj.io/v1alpha1`; empty for the core group. */
export function apiGroup(object: YamlMap): string {
  const [group = "", version] = (textField(object, "apiVersion") ?? "").split("/");
  return version === undefined ? "" : group;
}

/** The prefix is nginx's own by default, and may be another (ingress-nginx internal/ingress/annotations/canary/main.go). */
function isCanaryIngress(object: YamlMap): boolean {
  const annotations = field(field(object, "metadata"), "annotations");
  if (!isMap(annotations)) return false;
  return Object.entries(annotations).some(([key, value]) => key.endsWith("/canary") && String(value) === "true");
}

/** Traefik objects that only route have no weights. */
function hasWeights(object: YamlMap): boolean {
  return /"weight(?:ed)?":/.test(JSON.stringify(object));
}

/** CloudFormation and SAM name their types under Resources; an appspec has version 0.0 and a list of them. */
function awsFormat(object: YamlMap): string | undefined {
  const resources = field(object, "Resources");
  if (Array.isArray(resources)) return "AWS CodeDeploy appspec";
  if (!isMap(resources)) return undefined;
  const types = Object.values(resources).map((resource) => textField(resource, "Type") ?? "");
  if (types.some((type) => type.startsWith("AWS::Serverless::"))) return "AWS SAM template";
  return types.some((type) => type.startsWith("AWS::")) ? "AWS CloudFormation template" : undefined;
}

function azureFormat(object: YamlMap): string | undefined {
  const ingress = field(field(field(object, "properties"), "configuration"), "ingress");
  return field(ingress, "traffic") === undefined ? undefined : "Azure Container App";
}
