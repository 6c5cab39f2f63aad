import { assertEquals } from "@std/assert";
import { writeBatch, writeResponse } from "../../../lib/batch/batch_response.ts";
import { nested } from "../../support/batch.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const write = (body: Uint8Array<ArrayBuffer>, type: string) => {
  const answer = { status: 200, headers: new Headers({ "content-type": type }), body };
  return new TextDecoder().decode(writeResponse(answer));
};

Deno.test("a JSON body is spliced, without its byte order mark", () => {
  const head = '{"status":200,"headers":{"content-type":"application/problem+json"},"body":';
  assertEquals(write(bytes("\ufeff[1e400, 1]"), "application/problem+json"), `${head}[1e400, 1]}`);
});

Deno.test("whatever the bytes and the type are, a reader gets the same bytes again", () => {
  const bodies = [
    ...["", "{}", "{", '"', "]}", "\ufeff", "\ufeffa", "null", "\u2028\0\n", "[".repeat(100_000)]
      .map(bytes),
    new Uint8Array([0xff, 0xfe]),
    new Uint8Array([0xef, 0xbb, 0xbf, 0xff]),
  ];
  for (const type of ["application/json", "text/plain", "image/png", "application/x+json; a=b"]) {
    const headers = new Headers({ "content-type": type });
    const answers = bodies.map((body) => writeResponse({ status: 200, headers, body }));
    const text = new TextDecoder().decode(writeBatch(answers));
    const { responses } = nested(text);
    assertEquals(responses.length, bodies.length);
    for (const [index, body] of bodies.entries()) {
      const { body: read, encoding } = responses[index] ?? { body: undefined };
      if (body.length === 0) assertEquals(read, null);
      else if (encoding === "base64") assertEquals(Uint8Array.fromBase64(String(read)), body);
      else if (typeof read === "string") assertEquals(bytes(read), body);
      else assertEquals(bytes(JSON.stringify(read)), body);
    }
  }
});
