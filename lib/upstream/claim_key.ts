import type { PartSettings } from "../config/part.ts";
import { templateNames } from "../config/template_names.ts";
import type { Call } from "../core/source.ts";
import { digest } from "../core/digest.ts";
import { follow } from "../json/pointer.ts";

/**
 * Returns what identifies the claims that parts use: clients for whom they are equal may share a
 * stored response, others never. Undefined if no part uses a claim.
 */
export function claimKeyOf(
  parts: readonly PartSettings[],
): ((claims: NonNullable<Call["claims"]>) => string) | undefined {
  const names = parts.flatMap((part) => [
    ...templateNames(part),
    ...part.each ? [part.each.items] : [],
    ...part.batch ? [part.batch.of] : [],
  ]);
  const paths = names.flatMap(({ reference }) =>
    reference.from === "claims" ? [reference.path] : []
  );
  if (paths.length === 0) return undefined;
  return (claims) => digest(JSON.stringify(paths.map((path) => follow(claims, path) ?? null)));
}
