import { createConfig, lintFromString } from "@redocly/openapi-core";
import { assertEquals } from "@std/assert";

/** Rules about style, or about what a config does not say. */
const OFF = Object.fromEntries(
  [
    "info-license",
    "no-ambiguous-paths",
    "no-empty-servers",
    "no-path-trailing-slash",
    "operation-2xx-response",
    "security-defined",
    "no-server-example.com",
  ].map((rule) => [rule, "off"] as const),
);

const config = await createConfig({
  extends: ["recommended-strict"],
  rules: { ...OFF, "no-identical-paths": "error", "spec-strict-refs": "error" },
});

/** Holds that a document is valid OpenAPI 3.1, as Redocly's linter sees it. */
export async function assertOpenApi(document: unknown, what: string): Promise<void> {
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: "openapi.json",
    config,
  });
  const told = problems.map(({ ruleId, message, location: [place] }) =>
    `${ruleId} at ${place?.pointer}: ${message}`
  );
  assertEquals(told, [], what);
}
