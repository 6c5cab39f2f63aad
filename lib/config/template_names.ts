import type { TemplateName } from "../template/reference.ts";
import type { Template } from "../template/template.ts";

/** The templates of a part. */
export interface Templates {
  readonly path: Template<string>;
  readonly params: Readonly<Record<string, Template<string[]>>>;
  readonly headers: Readonly<Record<string, Template<string[]>>>;
  readonly body?: Template<unknown> | undefined;
  /** The part's condition; absent without one. */
  readonly when?: { readonly names: readonly TemplateName[] } | undefined;
}

/** Returns every name in a part's templates, and in its condition. */
export function templateNames({ path, params, headers, body, when }: Templates): TemplateName[] {
  return [
    ...path.names,
    ...Object.values(params).flatMap(({ names }) => names),
    ...Object.values(headers).flatMap(({ names }) => names),
    ...body?.names ?? [],
    ...when?.names ?? [],
  ];
}
