import { assertEquals, assertFalse } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { partProblemOf, problemDocumentOf, problemOf } from "../../../lib/http/problem.ts";

const TIMEOUT = new GatewayError("upstream-timeout", "no response within 5 ms", {
  cause: new Error("http://10.0.0.1"),
});

const TOLD = {
  type: "/_gateway/problems/upstream-timeout",
  title: "Upstream timed out",
  status: 504,
  detail: "no response within 5 ms",
};

Deno.test("a problem tells kind, title, status and detail, and no cause", () => {
  assertEquals(problemOf(TIMEOUT), TOLD);
});

Deno.test("a problem has the error's own status", () => {
  const refused = new GatewayError("upstream-refused", "the upstream returned 451", {
    status: 451,
  });
  assertEquals(problemOf(refused).status, 451);
});

Deno.test("a part's problem begins with the part", () => {
  const problem = partProblemOf({ part: "orders", error: TIMEOUT });
  assertEquals(problem, { part: "orders", ...TOLD });
  assertEquals(Object.keys(problem), ["part", "type", "title", "status", "detail"]);
});

Deno.test("a document names its request, and no parts where none failed", () => {
  const document = problemDocumentOf(TIMEOUT, { id: "id-1", parts: [] });
  assertEquals(document, { ...TOLD, instance: "id-1" });
  assertFalse("problems" in document);
});

Deno.test("a document lists the parts that failed, in order", () => {
  const other = new GatewayError("overloaded", "the upstream returned 429");
  const error = new GatewayError("upstream-timeout", "the part a is required", {
    failures: [{ part: "a", error: TIMEOUT }, { part: "b", error: other }],
  });
  const { problems } = problemDocumentOf(error, { id: "id-1", parts: [] });
  assertEquals(problems?.map(({ part, status }) => [part, status]), [["a", 504], ["b", 503]]);
});
