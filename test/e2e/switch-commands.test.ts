import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin, expectClean, expectWithout, folderWith, run, runInShell } from "./support.ts";

/** The built program from end to end: a service of its own, and the commands that act on it. */

/** A service that runs as a process, with the token that its first start printed. */
interface Served {
  url: string;
  token: string;
  env: Record<string, string>;
  folder: string;
  /** Sends a signal, and waits for its end. */
  end(signal: NodeJS.Signals): Promise<number | undefined>;
}

async function serve(folder: string, data = "switch.db"): Promise<Served> {
  const child = begin(folder, ["serve", "--listen", "127.0.0.1:0", "--data", data]);
  // It is ended by signals, and says so itself.
  child.catch(() => undefined);
  const lines = createInterface({ input: child.stdout });
  let url = "";
  let token = "";
  lines.on("line", (line) => {
    url ||= /^listening on (\S+)$/.exec(line)?.[1] ?? "";
    token ||= /^operator token: (\S+)$/.exec(line)?.[1] ?? "";
    if (url !== "" && token !== "") lines.close();
  });
  await once(lines, "close");
  return {
    url,
    token,
    env: { CLAWPROOF_SWITCH_URL: url, CLAWPROOF_TOKEN: token },
    folder,
    end: async (signal) => {
      child.kill(signal);
      return (await child).exitCode;
    },
  };
}

let served: Served;
beforeAll(async () => {
  served = await serve(await folderWith({}));
});
afterAll(() => served.end("SIGTERM"));

const clawproof = async (args: readonly string[], folder = served.folder, env = served.env) => {
  const ran = await run(folder, args, env);
  expectWithout(ran.stderr, served.token);
  return ran;
};

describe("the commands on a switch that runs", () => {
  it("kill, status, log, release, one after the other", async () => {
    const killed = await clawproof(["kill", "billing", "it", "pays", "twice"]);
    expect(killed.stderr).toContain("no instance ever reported as billing");
    expect(killed.stdout).toContain("Act again: clawproof release billing REASON");
    expect(killed.exitCode).toBe(1);
    expect((await clawproof(["status", "billing"])).exitCode).toBe(1);
    expect((await clawproof(["release", "billing", "fixed"])).exitCode).toBe(1);
    expect((await clawproof(["status", "billing"])).exitCode).toBe(0);
    const log = await clawproof(["log"]);
    expect(log.stdout).toMatch(/operator {2}kill billing, stopped, order \d+: it pays twice\n(.*\n)*.*release billing/);
    const proved = await clawproof(["log", "--verify", "--checkpoint", "head.json"]);
    expect(proved.stdout).toMatch(/^the log is whole: \d+ entries, head [0-9a-f]{64}\ncheckpoint of entry \d+/);
    expect(proved.exitCode).toBe(0);
  });

  it("by provider: clawproof in the configuration, in a protected environment, without being asked", async () => {
    const killSwitch = { provider: "clawproof", url: served.url, token: "${STOP_TOKEN}" };
    const config = { version: 1, agent: { name: "support" }, environments: { production: { killSwitch } } };
    const folder = await folderWith({ "clawproof.yaml": config });
    const args = ["kill", "support", "x", "--env", "production", "--format", "json"];
    const { exitCode, stdout, stderr } = await clawproof(args, folder, { STOP_TOKEN: served.token });
    expect(stderr).toContain(`kill support at ${served.url} (clawproof.yaml:`);
    expect(JSON.parse(stdout)).toMatchObject({ scope: "support", by: "operator", durable: true, exitCode: 1 });
    expect(exitCode).toBe(1);
  });

  it("token add prints the token alone, for a file", async () => {
    const line =
      "$CLAWPROOF token add kim --role kill > token 2> notes; CLAWPROOF_TOKEN=$(cat token) $CLAWPROOF kill drill/x --ttl 60s test";
    const { stdout, exitCode } = await runInShell(served.folder, line, served.env);
    expect(stdout).toMatch(/^Done: {6}drill\/x may not act \(order \d+ by kim, /);
    expect(exitCode).toBe(1);
  });

  it("a * that the shell expanded is refused", async () => {
    const folder = await folderWith({ "a.txt": "", "b.txt": "" });
    const { stderr, exitCode } = await runInShell(folder, "$CLAWPROOF kill * runaway", served.env);
    expect(stderr).toBe("clawproof: the shell expanded *; write all (nothing was done)\n");
    expect(exitCode).toBe(2);
  });

  it("--watch ends with the signal", async () => {
    const watching = begin(served.folder, ["status", "nobody", "--watch"], served.env);
    await once(watching.stdout, "data");
    watching.kill("SIGINT");
    const { exitCode, stdout, stderr } = await watching;
    expectClean({ stdout, stderr });
    expect(stdout).toMatch(/nobody: running/);
    expect(exitCode).toBe(130);
  });
});

it("a switch that was killed with its process is no answer, and its orders are there when it comes back", async () => {
  const folder = await folderWith({});
  const first = await serve(folder);
  expect((await clawproof(["kill", "all", "x"], folder, first.env)).exitCode).toBe(1);
  await first.end("SIGKILL");
  const gone = await clawproof(["status"], folder, first.env);
  expect([gone.exitCode, gone.stdout]).toEqual([3, ""]);
  const again = begin(folder, ["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "switch.db")]);
  again.catch(() => undefined);
  const [line] = (await once(createInterface({ input: again.stdout }), "line")) as [string];
  const url = line.replace("listening on ", "");
  const { stdout, exitCode } = await clawproof(["status", "support"], folder, {
    ...first.env,
    CLAWPROOF_SWITCH_URL: url,
  });
  expect(stdout).toContain("order 1: stopped everything (*)");
  expect(exitCode).toBe(1);
  again.kill("SIGTERM");
  expect((await again).exitCode).toBe(0);
});
