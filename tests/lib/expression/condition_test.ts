import { assertEquals, assertThrows } from "@std/assert";
import {
  compileCondition,
  ConditionError,
  loadConditions,
} from "../../../lib/expression/condition.ts";

await loadConditions();

const VALUES = {
  claims: {
    scope: "read write",
    roles: ["admin", "ops"],
    level: 7,
    email: "ada@example.com",
    verified: true,
    org: { id: 9 },
  },
  request: { method: "GET" },
};

for (
  const [text, expected] of [
    ["claims.scope.contains('read')", true],
    ["claims.scope.split(' ').exists(s, s == 'write')", true],
    ["'admin' in claims.roles && request.method == 'GET'", true],
    ["claims.roles.exists(role, role.startsWith('op'))", true],
    ["claims.level > 6", true],
    ["claims.level == 7", true],
    ["claims.org.id == 9", true],
    ["claims.verified", true],
    ["claims.email.endsWith('@example.com')", true],
    ["has(claims.tenant)", false],
    ["!has(claims.tenant)", true],
    // A value that is missing, or of another type, proves nothing.
    ["claims.tenant == 'a'", false],
    ["claims.tenant != 'a'", false],
    ["claims.scope", false],
    ["claims.level.contains('7')", false],
    ["claims.roles[9] == 'x'", false],
    ["claims.level / 0 > 1", false],
  ] as const
) {
  Deno.test(`condition: ${text} is ${expected}`, () => {
    assertEquals(compileCondition(text, ["claims", "request"]).test(VALUES), expected);
  });
}

for (
  const [text, message] of [
    ["claims.scope.contains(", "must be a CEL expression: Unexpected token: EOF"],
    ["clams.scope == 'x'", "must be a CEL expression: Unknown variable: clams"],
    ["1 + 2", "must be true or false; it is of type int"],
    ["size(claims.roles) == 'x'", "must be a CEL expression: no such overload: int == string"],
    ["claims.a.nope()", "must be a CEL expression: "],
  ] as const
) {
  Deno.test(`condition: ${text} is refused`, () => {
    const { message: got } = assertThrows(
      () => compileCondition(text, ["claims"]),
      ConditionError,
    );
    assertEquals(got.slice(0, message.length), message);
  });
}

Deno.test("condition: an expression without end is refused", () => {
  for (const text of [`${"(".repeat(60)}true${")".repeat(60)}`, "true" + " && true".repeat(600)]) {
    assertThrows(() => compileCondition(text, []), ConditionError);
  }
});
