import { assertEquals } from "@std/assert";
import { endToEndHeaders } from "../../../lib/http/hop_by_hop.ts";

const keptOf = (headers: HeadersInit) => Object.fromEntries(endToEndHeaders(new Headers(headers)));

Deno.test("headers of one connection end at this hop", () => {
  const ofOneHop = {
    "connection": "keep-alive",
    "http2-settings": "AAMAAABk",
    "keep-alive": "timeout=5",
    "proxy-authenticate": "Basic",
    "proxy-authorization": "Basic x",
    "proxy-connection": "keep-alive",
    "te": "trailers",
    "trailer": "x",
    "transfer-encoding": "chunked",
    "upgrade": "h2c",
  };
  assertEquals(keptOf({ ...ofOneHop, "x-kept": "1", "content-type": "text/plain" }), {
    "x-kept": "1",
    "content-type": "text/plain",
  });
});

Deno.test("what Connection names ends here too, however it is written", () => {
  assertEquals(
    keptOf({ "Connection": "X-One ,close, x-two,", "x-one": "1", "X-TWO": "2", "x-three": "3" }),
    { "x-three": "3" },
  );
});

Deno.test("a Connection that names no header harms nothing", () => {
  assertEquals(keptOf({ "connection": ", a b, (x), é, close", "x-a": "1" }), { "x-a": "1" });
});

Deno.test("cookies stay apart", () => {
  const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  assertEquals(endToEndHeaders(headers).getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("the headers themselves stay as they are", () => {
  const headers = new Headers({ "connection": "x-a", "x-a": "1" });
  endToEndHeaders(headers);
  assertEquals(Object.fromEntries(headers), { "connection": "x-a", "x-a": "1" });
});
