import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { problemPage } from "../../middleware/problem_page.ts";
import { startGateway } from "../support/gateway.ts";

const CONFIG = { upstreams: { up: { url: "http://127.0.0.1:9" } }, routes: {} };
const NAVIGATION = {
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
  "sec-fetch-dest": "document",
};

Deno.test("a browser that opens a URL without a route gets a page", async () => {
  await using gateway = startGateway(CONFIG);
  const response = await fetch(`${gateway.url}/nowhere`, { headers: NAVIGATION });
  const text = await response.text();
  assertEquals(response.status, 404);
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertStringIncludes(response.headers.get("content-security-policy") ?? "", "default-src 'none'");
  assertStringIncludes(text, "<h1>No route matches this path</h1>");
  assertStringIncludes(text, "no route matches /nowhere");
  assertStringIncludes(text, 'href="/_gateway/problems/not-found"');
  assertStringIncludes(text, response.headers.get("x-request-id") ?? "no id");
});

for (
  const headers of [
    {},
    { accept: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" }, // Java's default
    { ...NAVIGATION, "sec-fetch-dest": "empty" }, // a script of a page
  ]
) {
  Deno.test(`others get the document: ${JSON.stringify(headers)}`, async () => {
    await using gateway = startGateway(CONFIG);
    const response = await fetch(`${gateway.url}/nowhere`, { headers });
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    assertEquals((await response.json()).status, 404);
  });
}

Deno.test("the page escapes all that others have a hand in", () => {
  const evil = `<script>alert("1")</script>'&`;
  const part = { part: evil, type: "/t", title: evil, status: 502, detail: evil };
  const page = problemPage({ ...part, type: `"${evil}`, instance: evil, problems: [part] });
  assertFalse(page.includes("<script"));
  assertFalse(page.includes('"1"'));
});
