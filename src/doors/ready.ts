import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { platform } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { MissingSecret } from "../config/secrets.ts";
import { Unfilled } from "../config/template.ts";
import { prepareCommand } from "./command.ts";
import { type Call, type CallContext, CallFailed, type Failure } from "./door.ts";
import { prepareRequest, Unsendable } from "./http-request.ts";

/**
 * Why a call could never be sent as it is written, with the secrets and the programs that there are; null where it could.
 * Sends nothing and runs no more than the commands of its secrets. To be asked of what puts back, before anything is pulled.
 */
export async function whyUnready(call: Call, context: CallContext): Promise<Failure | null> {
  try {
    if ("url" in call) await prepareRequest(call, context);
    else return await whyNotRunnable(call, context);
    return null;
  } catch (error) {
    if (error instanceof CallFailed) return { kind: error.kind, why: error.why };
    if (error instanceof MissingSecret) return { kind: "missing-secret", why: error.message };
    if (error instanceof Unfilled || error instanceof Unsendable) return { kind: "other", why: error.message };
    throw error;
  }
}

async function whyNotRunnable(call: Exclude<Call, { url: string }>, context: CallContext): Promise<Failure | null> {
  const { argv } = await prepareCommand(call, context);
  const [program = ""] = argv;
  const places = placesOf(program, context);
  if (places === null) return null;
  for (const file of places) if (await isRunnable(file)) return null;
  return { kind: "not-found", why: context.secrets.redact(`${program} is not a program that can be run here`) };
}

/** Where a program is looked for: in the folder that it would run in, or along PATH; null where only the system knows. */
function placesOf(program: string, { directory, env }: CallContext): string[] | null {
  // Windows tries endings of its own.
  if (platform() === "win32") return null;
  if (program.includes("/")) return [resolve(directory, program)];
  const folders = env?.["PATH"]?.split(delimiter).filter((folder) => folder !== "");
  return folders?.map((folder) => join(resolve(directory, folder), program)) ?? null;
}

const isRunnable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
