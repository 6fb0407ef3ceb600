import { type GuardianCharge, startGuardian } from "../../../src/doors/guardian.ts";
import { type ProcessId, signalSame } from "../../../src/doors/process-info.mjs";

/** A drill that arms its guardian, freezes a process, says who guards, and hangs until it is killed. */
const { charge, freeze } = JSON.parse(process.argv[2] ?? "") as { charge: GuardianCharge; freeze: ProcessId | null };
const guardian = await startGuardian(charge);
if (freeze !== null) signalSame(freeze, "SIGSTOP");
process.stdout.write(`${JSON.stringify(guardian.id)}\n`);
setInterval(() => undefined, 60_000);
