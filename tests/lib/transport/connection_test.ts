import { assert, assertEquals } from "@std/assert";
import type { UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { Connection, type ConnectionReader } from "../../../lib/transport/socket/connection.ts";
import { until } from "../../support/program.ts";
import { Wire } from "../../support/wire.ts";

/** A connection over loopback, with its other end. */
async function open() {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const [socket, accepted] = await Promise.all([Deno.connect({ port }), listener.accept()]);
  const other = new Wire(accepted);
  let isClosed = false;
  const connection = new Connection(socket, () => isClosed = true);
  return {
    socket,
    connection,
    other,
    isClosed: () => isClosed,
    [Symbol.dispose]() {
      connection.close();
      other[Symbol.dispose]();
    },
  };
}

/** A reader that records what it is told. */
class Recorder implements ConnectionReader {
  readonly told: (number | "end" | string)[] = [];

  onBytes(count: number): void {
    this.told.push(count);
  }

  onEnd(fault?: UpstreamFault): void {
    this.told.push(fault?.reason ?? "end");
  }
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("connection: what the system writes in part is written to its end", async () => {
  using it = await open();
  const write = it.socket.write.bind(it.socket);
  it.socket.write = (bytes) => write(bytes.subarray(0, 7));
  const [text, shared] = ["GET / HTTP/1.1\r\nhost: example.org\r\n", "accept: */*\r\n\r\n"];
  it.connection.send({ text, shared: encode(shared) }, encode("small"));
  assertEquals(it.connection.isSent, false);
  assertEquals(await it.other.until("small"), `${text}${shared}small`);
  await until(() => it.connection.isSent, "all is sent");
  assert(await it.connection.write(encode("written in steps")));
  assertEquals(await it.other.until("steps"), "written in steps");
});

Deno.test("connection: a head larger than the buffer for it is sent whole", async () => {
  using it = await open();
  const text = `GET /${"x".repeat(5_000)} HTTP/1.1\r\n`;
  it.connection.send({ text, shared: encode("\r\n") });
  assertEquals(await it.other.until("\r\n\r\n"), `${text}\r\n`);
});

Deno.test("connection: a write that fails leaves it unsent", async () => {
  using it = await open();
  it.connection.close();
  assertEquals(await it.connection.write(new Uint8Array(1)), false);
  assertEquals(it.connection.isSent, false);
});

Deno.test("connection: it reads nothing that its reader did not ask for", async () => {
  using it = await open();
  const reader = new Recorder();
  it.connection.readBy(reader);
  await it.other.send("abc");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([reader.told, it.connection.isDrained], [[], true]);
  it.connection.read();
  await until(() => reader.told.length === 1, "it has read");
  await it.other.send("def");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([reader.told, it.connection.isDrained], [[3], false]);
});

Deno.test("connection: its reader is told of its end, whoever ends it", async () => {
  for (const end of ["upstream", "gateway", "gateway, before it is read"] as const) {
    using it = await open();
    const reader = new Recorder();
    it.connection.readBy(end.endsWith("read") ? undefined : reader);
    if (end === "upstream") it.other[Symbol.dispose]();
    else it.connection.close();
    it.connection.readBy(reader);
    if (end !== "gateway") it.connection.read();
    await until(() => reader.told.length === 1, "it is told");
    assertEquals(reader.told, [end === "upstream" ? "end" : "closed"]);
  }
});

Deno.test("connection: without a reader, data and an end close it", async () => {
  for (const sends of ["unasked", ""]) {
    using it = await open();
    it.connection.rest(Infinity);
    if (sends) await it.other.send(sends);
    else it.other[Symbol.dispose]();
    await until(it.isClosed, "it is closed");
  }
});
