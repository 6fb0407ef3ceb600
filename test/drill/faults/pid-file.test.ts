import { spawnSync } from "node:child_process";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { infoByPs, lives, processInfo, startOf } from "../../../src/doors/process-info.mjs";
import { processOf } from "../../../src/drill/faults/pid-file.ts";
import { afterThis } from "../../doors/servers.ts";
import { folderForTest } from "../../evidence/support.ts";

/** Which processes a drill may freeze and kill. */

async function named(text: string, writtenAt?: Date) {
  const folder = await folderForTest();
  const file = join(folder, "agent.pid");
  await writeFile(file, text);
  if (writtenAt) await utimes(file, writtenAt, writtenAt);
  return processOf("agent.pid", folder);
}

function startSleep(): number {
  const child = execa("sleep", ["300"], { reject: false });
  afterThis(() => void child.kill("SIGKILL"));
  return child.pid ?? 0;
}

describe("what the system says of a process", () => {
  it("is the same by /proc and by ps", () => {
    const pid = startSleep();
    const [proc, ps] = [processInfo(pid), infoByPs(pid)];
    expect(ps).toMatchObject({ parent: process.pid, user: proc?.user, state: "S" });
    expect(Math.abs((ps?.startedMs ?? 0) - (proc?.startedMs ?? Infinity))).toBeLessThan(5_000);
    expect(Math.abs((ps?.startedMs ?? 0) - Date.now())).toBeLessThan(10_000);
    expect(infoByPs(2 ** 30)).toBeNull();
  });
});

describe("a pid file", () => {
  it("names a process of ours, known by when it started", async () => {
    const pid = startSleep();
    const named_ = await named(` ${pid}\n`);
    expect(named_).toEqual({ pid, start: startOf(pid) });
    expect("pid" in named_ && lives(named_)).toBe(true);
    expect(lives({ pid, start: "another" })).toBe(false);
  });

  it.each([
    ["", "agent.pid does not hold a process id"],
    ["12 13", "agent.pid does not hold a process id"],
    ["-1", "agent.pid does not hold a process id"],
    ["0", "agent.pid names process 0, under which everything here runs"],
    ["1", "agent.pid names process 1, under which everything here runs"],
    [String(2 ** 30), `agent.pid names process ${2 ** 30}, which does not exist`],
    [String(process.pid), `agent.pid names process ${process.pid}, which is clawproof itself or what started it`],
    [String(process.ppid), `agent.pid names process ${process.ppid}, which is clawproof itself or what started it`],
  ])("%j is refused", async (text, why) => {
    expect(await named(text)).toEqual({ why });
  });

  it("that is not there is named", async () => {
    expect(await processOf("run/agent.pid", await folderForTest())).toEqual({ why: "run/agent.pid does not exist" });
  });

  it("older than its process names a number that was given out again", async () => {
    const pid = startSleep();
    expect(await named(String(pid), new Date(Date.now() - 60_000))).toEqual({
      why: `agent.pid names process ${pid}, which started after the file was written: the number was given out again`,
    });
  });

  it("of another user's process is refused", async ({ skip }) => {
    const found = spawnSync("sh", [
      "-c",
      "ps -eo pid=,uid= | awk -v me=$(id -u) '$1 > 1 && $2 != me { print $1; exit }'",
    ]);
    const pid = String(found.stdout).trim();
    if (pid === "") skip("every process here is ours");
    expect(await named(pid)).toEqual({ why: `agent.pid names process ${pid}, which belongs to another user` });
  });
});
