/** How many pods run the new version, of all that answer users. */
export interface PodSplit {
  canary: number;
  total: number;
}

/**
 * Pods of the new version and of both, where no router shares out traffic: the nearest that whole pods come to `weight`,
 * with at most one pod more than `replicas` (argo-rollouts utils/replicaset/canary.go, approximateWeightedCanaryStableReplicaCounts).
 */
export function approximatePods(replicas: number, weight: number, maxWeight: number, maxSurge: number): PodSplit {
  if (replicas === 0) return { canary: 0, total: 0 };
  const [first, ...others] = candidates(replicas, weight, maxWeight, maxSurge);
  if (first === undefined) return { canary: 0, total: replicas };
  let best = first;
  for (const candidate of others) {
    // The first of two that are equally near wins, as in Argo.
    if (delta(candidate, weight, maxWeight) < delta(best, weight, maxWeight)) best = candidate;
  }
  return best;
}

function candidates(replicas: number, weight: number, maxWeight: number, maxSurge: number): PodSplit[] {
  const up = Math.ceil((replicas * weight) / maxWeight);
  const down = Math.floor((replicas * weight) / maxWeight);
  // A weight between 0 and all never rounds to no pod, unless a second pod cannot exist.
  const zeroAllowed = weight === maxWeight || weight === 0 || (replicas === 1 && maxSurge === 0);
  const found: PodSplit[] = [];
  if (up < replicas || zeroAllowed) found.push({ canary: up, total: replicas });
  if (!isTied(replicas, weight, maxWeight) && (down !== 0 || zeroAllowed))
    found.push({ canary: down, total: replicas });
  if (maxSurge <= 0) return found;
  found.push({ canary: up, total: replicas + 1 });
  if (!isTied(replicas + 1, weight, maxWeight) && (down !== 0 || zeroAllowed)) {
    found.push({ canary: down, total: replicas + 1 });
  }
  return found;
}

/** Whether rounding up and down are equally far: then Argo takes the larger. In Argo's order of division, bit for bit. */
function isTied(pods: number, weight: number, maxWeight: number): boolean {
  return (pods * (weight / maxWeight)) % 1 === 0.5;
}

function delta(split: PodSplit, weight: number, maxWeight: number): number {
  return Math.abs((split.canary * maxWeight) / split.total - weight);
}

/**
 * Pods that may be added during an update: text is percent, with or without the sign, rounded up (argo-rollouts
 * utils/defaults/defaults.go and Kubernetes' GetValueFromIntOrPercent); undefined where it is neither number nor percent.
 */
export function surgePods(maxSurge: unknown, replicas: number): number | undefined {
  if (Number.isSafeInteger(maxSurge)) return Number(maxSurge);
  const percent = typeof maxSurge === "string" ? /^(\d+)%?$/.exec(maxSurge)?.[1] : undefined;
  return percent === undefined ? undefined : Math.ceil((Number(percent) * replicas) / 100);
}
