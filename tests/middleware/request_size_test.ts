import { assertEquals, assertStringIncludes } from "@std/assert";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ask, chunk, problemKind, type WireAnswer } from "../support/wire.ts";

/** A gateway that takes 16 bytes, and counts how often a function was asked. */
interface Counting extends TestGateway {
  readonly asked: () => number;
}

function startCounting(): Counting {
  let asked = 0;
  const gateway = startGateway({
    maxRequestBody: "16B",
    upstreams: { own: { source: () => Promise.resolve(json(++asked)) } },
    routes: {
      "POST /reads": { gather: { it: { from: "own", params: { a: "{body.a}" } } } },
      "POST /ignores": { gather: { it: { from: "own" } } },
      "POST /forwards": { forward: "own" },
    },
  });
  return Object.assign(gateway, { asked: () => asked });
}

function post(
  { port }: TestGateway,
  target: string,
  headers: string,
  body = "",
): Promise<WireAnswer> {
  return ask(port, `POST ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n${body}`);
}

for (const target of ["/reads", "/ignores", "/forwards", "/nowhere"]) {
  Deno.test(`${target}: a body that says it is larger is 413 before a byte of it came`, async () => {
    await using gateway = startCounting();
    const answer = await post(gateway, target, "Content-Length: 17\r\n");
    assertEquals([answer.status, problemKind(answer)], [413, "payload-too-large"]);
    assertStringIncludes(answer.body, "16 bytes");
    assertEquals(gateway.asked(), 0);
  });
}

Deno.test("a body of just that length is taken", async () => {
  await using gateway = startCounting();
  const body = '{"a":"123456789"';
  for (const target of ["/ignores", "/forwards"]) {
    assertEquals((await post(gateway, target, "Content-Length: 16\r\n", body)).status, 200);
  }
  const answer = await post(gateway, "/reads", "Content-Length: 16\r\n", '{"a": "1234567"}');
  assertEquals(answer.status, 200);
});

Deno.test("a chunked body that a part reads is 413 once it is larger", async () => {
  await using gateway = startCounting();
  const body = `${chunk('{"a":"1"')}${chunk(" ".repeat(9))}${chunk("}")}0\r\n\r\n`;
  const answer = await post(gateway, "/reads", "Transfer-Encoding: chunked\r\n", body);
  assertEquals([answer.status, problemKind(answer)], [413, "payload-too-large"]);
  assertEquals(gateway.asked(), 0);
});

Deno.test("a chunked body of just that length is taken", async () => {
  await using gateway = startCounting();
  const body = `${chunk('{"a":"1"')}${chunk(" ".repeat(7))}${chunk("}")}0\r\n\r\n`;
  assertEquals((await post(gateway, "/reads", "Transfer-Encoding: chunked\r\n", body)).status, 200);
});
