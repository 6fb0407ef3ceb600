/** Milliseconds to a tenth: nothing that a drill measures is known better. */
export const rounded = (ms: number): number => Math.max(0, Math.round(ms * 10) / 10);
