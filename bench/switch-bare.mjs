// The peer of the kill switch's figures, a process of its own: what anyone would write on node:http to push an order to
// event clients. It asks for no token, keeps nothing on disk and sends no beats; its messages are of our size.
import { createServer } from "node:http";

const streams = new Set();
const state = { series: "0b8e0f6c-5d0f-4f0e-9c39-6a3b8f1f7d42", epoch: 0, orders: [], leaseSeconds: 15 };

const message = () => JSON.stringify({ ...state, sentAt: Date.now(), boot: "7f3a91c2" });
const event = () => `event: state\ndata: ${message()}\n\n`;

function push({ scope, reason }) {
  state.epoch += 1;
  const at = new Date().toISOString();
  state.orders = [{ epoch: state.epoch, scope, mode: "stopped", cause: "person", by: "operator", reason, at }];
  const frame = Buffer.from(event());
  for (const stream of streams) stream.write(frame);
}

function answer(request, response) {
  if (request.url === "/v1/events") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(event());
    streams.add(response);
    response.on("close", () => streams.delete(response));
    return;
  }
  response.setHeader("content-type", "application/json");
  if (request.method === "GET") {
    response.end(message());
    return;
  }
  let text = "";
  request.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    push(JSON.parse(text));
    response.end(JSON.stringify({ epoch: state.epoch }));
  });
}

const server = createServer(answer).listen(0, "127.0.0.1", 4_096, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
