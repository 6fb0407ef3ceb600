import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { keepRoom } from "./room-keeper.ts";

/** The room that tests share: what is let in together, in which order, and that none is lost. */

async function keeperOf(whole: number) {
  const keeper = await keepRoom(whole);
  onTestFinished(() => keeper.close());
  const inside: string[] = [];
  const ask = async (name: string, share: number): Promise<Socket> => {
    const socket = connect(keeper.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.once("data", () => inside.push(name));
    await once(socket, "connect");
    socket.write(`${String(share)}\n`);
    return socket;
  };
  return { inside, ask };
}

const letIn = (socket: Socket): Promise<unknown> => once(socket, "data");

it("lets in as many as there is room for, in the order in which they came, small ones not before large ones", async () => {
  const { inside, ask } = await keeperOf(100);
  const first = await ask("first", 60);
  await letIn(first);
  const large = await ask("large", 80);
  const small = await ask("small", 20);
  const last = await ask("last", 20);
  first.destroy();
  await letIn(large);
  await letIn(small);
  expect(inside).toEqual(["first", "large", "small"]);
  large.destroy();
  await letIn(last);
});

it("gives back the room of one that is gone, and passes over one that went while it waited", async () => {
  const { inside, ask } = await keeperOf(100);
  const first = await ask("first", 100);
  await letIn(first);
  const gone = await ask("gone", 100);
  gone.destroy();
  const next = await ask("next", 100);
  first.destroy();
  await letIn(next);
  expect(inside).toEqual(["first", "next"]);
});

it("lets in one that wants more than there is, alone", async () => {
  const { ask } = await keeperOf(100);
  await letIn(await ask("huge", 1_000));
});
