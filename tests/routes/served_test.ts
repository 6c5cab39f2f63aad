import { assertEquals } from "@std/assert";
import { Served } from "../../routes/served.ts";

Deno.test("a peer's address is known when the server has forgotten it", () => {
  let isSent = false;
  const served = new Served({
    get remoteAddr() {
      if (isSent) throw new TypeError("request closed");
      return { hostname: "192.0.2.1" };
    },
    completed: Promise.resolve(),
  }, "http");
  isSent = true;
  assertEquals(served.remoteAddress, "192.0.2.1");
});
