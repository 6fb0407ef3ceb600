import { copyFile, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackupFailed, backUpDataFile } from "../../src/switch/service/backup.ts";
import { DataFileRefused } from "../../src/switch/service/data-file.ts";
import { Store } from "../../src/switch/service/store.ts";
import { Switch } from "../../src/switch/service/switch.ts";
import { BOTH, copyDataFile, inForce, newFolder, openCore, READER, SetClock, wholeLog } from "./core.ts";

const RESTORE = /Restore a backup \(clawproof serve --backup makes them\): .* copy the backup to switch\.db/;
const IN_FORCE = ["* stopped", "support read-only"];

/** The data file of a switch that has ended, with orders in force. */
async function usedDataFile(entries = 0): Promise<string> {
  const { killSwitch, dataFile, close } = await openCore();
  killSwitch.kill({ scope: "*", reason: "test" }, BOTH);
  killSwitch.kill({ scope: "support", mode: "read-only", reason: "test" }, BOTH);
  for (let index = 0; index < entries; index++) killSwitch.note({ kind: "refused", by: "x", from: null, index });
  close();
  return dataFile;
}

async function refusalOf(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => "it started",
    (reason: unknown) => reason,
  );
  if (error instanceof DataFileRefused) return error.message;
  throw error instanceof Error ? error : new Error(String(error));
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** What somebody does with another program while no service runs. */
function edit(dataFile: string, sql: string): void {
  const database = new Database(dataFile);
  database.exec(sql);
  database.close();
}

describe("a data file that was never there", () => {
  it("is made, for its owner alone, with what SQLite puts beside it", async () => {
    const { dataFile, store, killSwitch } = await openCore();
    killSwitch.kill({ scope: "*", reason: "test" }, BOTH);
    expect(store.isNew).toBe(true);
    for (const name of [dataFile, `${dataFile}-wal`, `${dataFile}-shm`, `${dataFile}.lock`]) {
      expect((await stat(name)).mode & 0o777, name).toBe(0o600);
    }
  });

  it("is not left behind where the disk has no room for it", async () => {
    const folder = await newFolder();
    const dataFile = join(folder, "switch.db");
    expect(await refusalOf(Store.open(dataFile, { maxPages: 2 }))).toMatch(/its disk is full, or fails\. Make room/);
    expect(await readdir(folder)).toEqual([]);
    expect((await openCore({ dataFile })).store.isNew).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(["", "-shm", "-wal", ".lock"].map((end) => `switch.db${end}`));
  });

  it("has a series of its own", async () => {
    const [one, other] = [await openCore(), await openCore()];
    expect(one.store.series).not.toBe(other.store.series);
    expect(one.store.series).toMatch(/^[A-Za-z0-9_-]{12}$/);
  });
});

describe("an earlier run's data file", () => {
  it("holds everything that was in force", async () => {
    const dataFile = await usedDataFile();
    const before = await openCore({ dataFile });
    const { series, standing } = { series: before.store.series, standing: before.store.standing() };
    before.close();
    const { store, killSwitch } = await openCore({ dataFile });
    expect(store.isNew).toBe(false);
    expect(store.series).toBe(series);
    expect(killSwitch.standing).toEqual(standing);
    expect(inForce(standing.orders)).toEqual(IN_FORCE);
  });

  it("holds it after a crash too, from what SQLite put beside it", async () => {
    const { dataFile, killSwitch } = await openCore();
    killSwitch.kill({ scope: "support", reason: "test" }, BOTH);
    const crashed = join(await newFolder(), "switch.db");
    await copyDataFile(dataFile, crashed);
    const again = await openCore({ dataFile: crashed });
    expect(again.killSwitch.standing).toEqual(killSwitch.standing);
    expect(wholeLog(again.store)).toEqual(wholeLog(killSwitch.store));
  });

  it("is held by one service alone, and again once that has ended", async () => {
    const first = await openCore();
    expect(await refusalOf(Store.open(first.dataFile))).toBe(
      `another clawproof serve already runs on ${first.dataFile}`,
    );
    const link = join(await newFolder(), "link.db");
    await symlink(first.dataFile, link);
    expect(await refusalOf(Store.open(link))).toBe(`another clawproof serve already runs on ${first.dataFile}`);
    first.killSwitch.kill({ scope: "*", reason: "the refused one broke nothing" }, BOTH);
    first.close();
    const { killSwitch } = await openCore({ dataFile: first.dataFile });
    expect(killSwitch.standing.orders).toHaveLength(1);
  });
});

it("one that another program locks holds no order up", async () => {
  const { killSwitch, store, dataFile } = await openCore();
  const shell = new Database(dataFile);
  shell.exec("BEGIN IMMEDIATE");
  expect(store.database.pragma("busy_timeout")).toEqual([{ timeout: 20 }]);
  expect(killSwitch.kill({ scope: "*", reason: "test" }, BOTH)).toMatchObject({ mode: "stopped", durable: false });
  shell.close();
});

it("one that is closed is whole in the one file, without what SQLite put beside it", async () => {
  const dataFile = await usedDataFile();
  const copy = join(await newFolder(), "switch.db");
  await copyFile(dataFile, copy);
  const { killSwitch } = await openCore({ dataFile: copy });
  expect(inForce(killSwitch.standing.orders)).toEqual(IN_FORCE);
});

describe("a damaged data file keeps the service from starting, and says how to restore", () => {
  it.each<[string, (dataFile: string) => Promise<unknown> | void, RegExp]>([
    ["empty", (file) => truncate(file, 0), /switch\.db is empty, and may have held orders/],
    ["gone", (file) => rm(file), /switch\.db is gone, but switch\.db\.lock shows that a switch ran on it/],
    ["cut to half", async (file) => truncate(file, (await stat(file)).size / 2), /is damaged|not a SQLite database/],
    ["cut to less than a page", (file) => truncate(file, 1_000), /is damaged|not a SQLite database/],
    ["overwritten with zeros", async (file) => overwrite(file, 0, (await stat(file)).size, 0), /switch\.db is/],
    ["overwritten at its head", (file) => overwrite(file, 0, 100, 0x41), /is not a SQLite database/],
    ["overwritten in the middle", (file) => overwrite(file, 4_096, 8_192, 0x41), /is damaged/],
    ["text", (file) => writeFile(file, "switch: { name: test }\n".repeat(500)), /is not a SQLite database/],
    ["another program's", async (file) => anotherProgram(file), /is no data file of clawproof serve/],
    [
      "another version's",
      (file) => edit(file, "UPDATE meta SET value = '99' WHERE key = 'schema'"),
      /was written by another version of clawproof \(its schema is 99, not 1\): run that version/,
    ],
    [
      "changed in an entry",
      (file) => edit(file, `UPDATE log SET entry = replace(entry, '"by":"olga"', '"by":"nobody"') WHERE seq = 2`),
      /entry 2 of its log was changed/,
    ],
    [
      "without its first entry",
      (file) => edit(file, "DELETE FROM log WHERE seq = 1"),
      /the orders in force are not those/,
    ],
    [
      "without an entry in between",
      (file) => edit(file, "INSERT INTO log SELECT 9, 9, kind, scope, hash, entry FROM log WHERE seq = 1"),
      /entry 1 of its log does not follow the one before/,
    ],
    ["without its orders", (file) => edit(file, "DELETE FROM orders"), /the orders in force are not those/],
    [
      "with a milder order than was given",
      (file) => edit(file, `UPDATE orders SET entry = replace(entry, 'stopped', 'read-only')`),
      /the orders in force are not those/,
    ],
    [
      "with a mode that there is not",
      (file) => edit(file, `UPDATE orders SET entry = replace(entry, 'stopped', 'st0pped')`),
      /the orders in force are not those/,
    ],
    [
      "with a text that is no UTF-8",
      (file) => edit(file, "UPDATE log SET entry = CAST(CAST(entry AS BLOB) || x'ff' AS TEXT) WHERE seq = 1"),
      /is damaged \(a text in it is no UTF-8\)/,
    ],
    ["with an order that is no JSON", (file) => edit(file, "UPDATE orders SET entry = '{'"), /is damaged \(/],
    ["with an entry that is no JSON", (file) => edit(file, "UPDATE log SET entry = '{'"), /is damaged \(/],
  ])("%s", async (_, damage, words) => {
    const dataFile = await usedDataFile();
    await damage(dataFile);
    const wasThere = await isThere(dataFile);
    const refusal = await refusalOf(Store.open(dataFile));
    expect(refusal).toMatch(words);
    expect(refusal).toMatch(RESTORE);
    expect(refusal).toContain("delete switch.db-wal and switch.db-shm");
    // Again: the first try neither mended it nor made another one, nor holds the lock.
    expect(await refusalOf(Store.open(dataFile))).toBe(refusal);
    expect(await isThere(dataFile)).toBe(wasThere);
  });

  it("with damage in an index alone, which no quick check finds", async () => {
    const dataFile = await usedDataFile(40);
    const database = new Database(dataFile);
    database.exec("PRAGMA writable_schema = ON");
    const index = database
      .prepare("SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'log'")
      .all();
    const pageSize = (database.prepare("PRAGMA page_size").get() as { page_size: number }).page_size;
    database.close();
    expect(index.length).toBeGreaterThan(0);
    const content = await readFile(dataFile);
    let changed = 0;
    for (const { rootpage } of index as { rootpage: number }[]) {
      const page = content.subarray((rootpage - 1) * pageSize, rootpage * pageSize);
      const at = page.indexOf("support");
      // Another scope than its row has: whoever looks for that one through the index misses it.
      if (at >= 0) changed += page.write("sUpport", at);
    }
    expect(changed).toBeGreaterThan(0);
    await writeFile(dataFile, content);
    expect(await refusalOf(Store.open(dataFile, { synchronous: "OFF" }))).toMatch(RESTORE);
  });

  it("wherever bytes are overwritten: it starts with every order that was in force, or not at all", async () => {
    const dataFile = await usedDataFile(40);
    const { size } = await stat(dataFile);
    const damaged = join(await newFolder(), "switch.db");
    const spots = fc.record({
      at: fc.integer({ min: 0, max: size - 1 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(spots, { minLength: 1, maxLength: 3 }), async (overwritten) => {
        for (const left of ["-wal", "-shm", ".lock"]) await rm(`${damaged}${left}`, { force: true });
        const content = await readFile(dataFile);
        for (const { at, bytes } of overwritten) content.set(bytes.subarray(0, size - at), at);
        await writeFile(damaged, content);
        let store: Store;
        try {
          store = await Store.open(damaged, { synchronous: "OFF" });
        } catch (error) {
          expect(error).toBeInstanceOf(DataFileRefused);
          expect((error as Error).message).toMatch(RESTORE);
          return;
        }
        try {
          const killSwitch = new Switch(store, { leaseMs: 15_000, clock: new SetClock() });
          expect(inForce(killSwitch.standing.orders)).toEqual(IN_FORCE);
          killSwitch.close();
        } finally {
          store.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it("starts a new series where the words say how", async () => {
    const dataFile = await usedDataFile();
    await rm(dataFile);
    const refusal = await refusalOf(Store.open(dataFile));
    expect(refusal).toContain("To begin a new series instead, delete switch.db and switch.db.lock.");
    await rm(`${dataFile}.lock`);
    const { store, killSwitch } = await openCore({ dataFile });
    expect(store.isNew).toBe(true);
    expect(killSwitch.standing).toEqual({ series: store.series, epoch: 0, orders: [] });
  });

  it("starts again on a backup that was put in its place", async () => {
    const dataFile = await usedDataFile();
    const backup = join(await newFolder(), "backup.db");
    await backUpDataFile(dataFile, backup);
    await overwrite(dataFile, 4_096, 8_192, 0x41);
    await refusalOf(Store.open(dataFile));
    for (const old of ["", "-wal", "-shm"]) await rm(`${dataFile}${old}`, { force: true });
    await copyFile(backup, dataFile);
    const { killSwitch } = await openCore({ dataFile });
    expect(inForce(killSwitch.standing.orders).sort()).toEqual(IN_FORCE);
    expect(killSwitch.standing.orders.at(-1)).toMatchObject({ scope: "*", by: "clawproof" });
  });

  it("says so where another program holds it", async () => {
    const dataFile = join(await newFolder(), "switch.db");
    await backUpDataFile(await usedDataFile(), dataFile);
    const other = new Database(dataFile);
    other.exec("BEGIN EXCLUSIVE");
    const refusal = await refusalOf(Store.open(dataFile));
    expect(refusal).toBe("another program has the data file open: end it, then start again");
    other.close();
  });
});

it("a backup beside what a crash left of a later run is never mixed with it unnoticed", async () => {
  const { dataFile, store, killSwitch } = await openCore();
  const folder = await newFolder();
  const [backup, crashed] = [join(folder, "backup.db"), join(folder, "switch.db")];
  killSwitch.kill({ scope: "*", reason: "test" }, BOTH);
  await backUpDataFile(dataFile, backup);
  for (let index = 0; index < 100; index++) killSwitch.note({ kind: "refused", by: "x", from: null, index });
  store.database.pragma("wal_checkpoint(TRUNCATE)");
  killSwitch.release({ scope: "*", reason: "test" }, BOTH);
  await copyDataFile(dataFile, crashed);
  await copyFile(backup, crashed);
  expect(await refusalOf(Store.open(crashed))).toContain("delete switch.db-wal and switch.db-shm");
});

describe("a backup", () => {
  it("is whole while a service runs and goes on, and opens as a data file", async () => {
    const { dataFile, killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "support", reason: "in the backup" }, BOTH);
    killSwitch.note({ kind: "refused", by: READER.caller.name, from: null });
    const backup = join(await newFolder(), "backup.db");
    const backingUp = backUpDataFile(dataFile, backup);
    const [standing, log] = [killSwitch.standing, wholeLog(store)];
    expect(await backingUp).toEqual({ entries: log.length });
    killSwitch.kill({ scope: "sales", reason: "after the backup" }, BOTH);
    expect((await stat(backup)).mode & 0o777).toBe(0o600);
    expect(await isThere(`${backup}.part`)).toBe(false);
    const restored = await openCore({ dataFile: backup });
    expect(restored.killSwitch.standing.orders[0]).toEqual(standing.orders[0]);
    expect(wholeLog(restored.store).slice(0, log.length)).toEqual(log);
    expect(restored.store.meta("signing-key")).toBe(store.meta("signing-key"));
  });

  it("of a file that is not there is none", async () => {
    const folder = await newFolder();
    const backingUp = backUpDataFile(join(folder, "switch.db"), join(folder, "backup.db"));
    await expect(backingUp).rejects.toThrow(/switch\.db does not exist: name it with --data or -c/);
    expect(await isThere(join(folder, "switch.db"))).toBe(false);
  });

  it("never overwrites", async () => {
    const dataFile = await usedDataFile();
    const backup = join(await newFolder(), "backup.db");
    await writeFile(backup, "an earlier one");
    await expect(backUpDataFile(dataFile, backup)).rejects.toThrow(/backup\.db exists already: name a new file/);
    expect(await readFile(backup, "utf8")).toBe("an earlier one");
  });

  it("of a damaged file is none, and leaves nothing behind", async () => {
    const dataFile = await usedDataFile();
    await overwrite(dataFile, 4_096, 8_192, 0x41);
    const backup = join(await newFolder(), "backup.db");
    await expect(backUpDataFile(dataFile, backup)).rejects.toThrow(BackupFailed);
    expect([await isThere(backup), await isThere(`${backup}.part`)]).toEqual([false, false]);
  });
});

async function overwrite(file: string, from: number, length: number, byte: number): Promise<void> {
  const content = await readFile(file);
  await writeFile(file, content.fill(byte, from, from + length));
}

async function anotherProgram(file: string): Promise<void> {
  await rm(file);
  edit(file, "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('hello')");
}
