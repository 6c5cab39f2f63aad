import { parsePathTemplate, type PathTemplate } from "../template/template.ts";
import { TemplateError } from "../template/template_error.ts";
import { value } from "./facts.ts";
import { template } from "./values.ts";

/** What stands for the rest of the path, which `*` matched. */
const REST = "{rest}";

/** The path of a forwarded request. */
export interface ForwardPath {
  readonly before: PathTemplate;
  /** What follows the rest; undefined if the rest is not in the path. */
  readonly after: PathTemplate | undefined;
}

/** A path with templates, in which `{rest}` is the rest of the client's path, as sent. */
export const forwardPath = value(
  "path template",
  { type: "string", pattern: "^/" },
  template<`/${string}`, ForwardPath>((value) => {
    const [before = "", after, ...more] = String(value).split(REST);
    if (more.length > 0) throw new TemplateError(`must have ${REST} once`);
    if (String(value).includes("?")) throw new TemplateError("must not have a query");
    return {
      before: parsePathTemplate(before),
      after: after === undefined ? undefined : afterRest(after),
    };
  }),
);

/** A path template begins with a slash. */
function afterRest(text: string): PathTemplate {
  const parsed = parsePathTemplate(`/${text}`);
  return { ...parsed, expand: (inputs) => parsed.expand(inputs).slice(1) };
}
