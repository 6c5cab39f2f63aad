import type { ResponseForm } from "../gather/response_form.ts";
import type { PartSettings } from "./part.ts";
import { templateNames } from "./template_names.ts";

/** Whether a route's parts, or its response, refer to the client's body. */
export function readsBody(
  parts: readonly PartSettings[],
  form: ResponseForm | undefined,
): boolean {
  const names = parts.flatMap((part) => [
    ...templateNames(part),
    ...(part.each ? [part.each.items] : []),
    ...(part.batch ? [part.batch.of] : []),
  ]);
  return [...names, ...form?.answer?.names ?? []]
    .some(({ reference }) => reference.from === "body");
}
