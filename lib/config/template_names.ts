import type { TemplateName } from "../template/reference.ts";
import type { Template } from "../template/template.ts";

/** What of a part is made of templates. */
export interface Templates {
  readonly path: Template<string>;
  readonly params: Readonly<Record<string, Template<string[]>>>;
  readonly headers: Readonly<Record<string, Template<string[]>>>;
  readonly body?: Template<unknown> | undefined;
}

/** Every name in a part's templates. */
export function templateNames({ path, params, headers, body }: Templates): TemplateName[] {
  return [
    ...path.names,
    ...Object.values(params).flatMap(({ names }) => names),
    ...Object.values(headers).flatMap(({ names }) => names),
    ...body?.names ?? [],
  ];
}
