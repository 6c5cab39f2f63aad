import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { withFacts } from "./facts.ts";
import { suggest } from "./suggest.ts";

/**
 * An object with these keys and no other. Reports every unknown key, not only the first.
 * @param rules JSON Schema keywords about several keys at once
 */
export function object<const Entries extends v.ObjectEntries>(
  entries: Entries,
  rules?: { readonly [keyword: string]: unknown },
) {
  const shape = v.object(entries, "is required");
  type Input = v.InferInput<typeof shape>;
  const schema = v.pipe(
    v.custom<Input>(isRecord, "must be an object"),
    v.rawTransform<Input, v.InferOutput<typeof shape>>(({ dataset, addIssue, NEVER }) => {
      const input: Record<string, unknown> = { ...dataset.value };
      let isValid = true;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const message = `is not a known key${suggest(key, Object.keys(entries))}`;
        addIssue({ message, input: undefined, path: [pathItem(input, key, value)] });
        isValid = false;
      }
      const result = v.safeParse(shape, input);
      for (const issue of result.issues ?? []) passOn(addIssue, issue);
      return isValid && result.success ? result.output : NEVER;
    }),
  );
  return withFacts(schema, { kind: "object", entries, ...(rules && { rules }) });
}

/** An object whose keys are names, with values of the same schema and at least `least` of them. */
export function record<Value extends v.GenericSchema>(
  name: v.GenericSchema<string, string>,
  value: Value,
  rule: string,
  least: number = 0,
) {
  const schema = v.pipe(
    v.custom<Readonly<Record<string, v.InferInput<Value>>>>(isRecord, rule),
    v.rawTransform<
      Readonly<Record<string, v.InferInput<Value>>>,
      Record<string, v.InferOutput<Value>>
    >(
      ({ dataset, addIssue, NEVER }) => {
        let isValid = true;
        const output = Object.entries(dataset.value).map(([key, item]) => {
          const results = [v.safeParse(name, key), v.safeParse(value, item)] as const;
          for (const { issues = [] } of results) {
            for (const issue of issues) {
              passOn(addIssue, issue, pathItem({ ...dataset.value }, key, item));
            }
            if (issues.length > 0) isValid = false;
          }
          return [key, results[1].output] as const;
        });
        return isValid ? Object.fromEntries(output) : NEVER;
      },
    ),
  );
  return withFacts(schema, { kind: "record", name, value, least });
}

/** A list of values of the same schema, with at least `least` of them. */
export function list<Item extends v.GenericSchema>(item: Item, rule: string, least: number = 0) {
  const schema = v.pipe(
    v.custom<readonly v.InferInput<Item>[]>(Array.isArray, rule),
    v.rawTransform<readonly v.InferInput<Item>[], v.InferOutput<Item>[]>(
      ({ dataset, addIssue, NEVER }) => {
        if (dataset.value.length < least) {
          addIssue({ message: rule });
          return NEVER;
        }
        const results = dataset.value.map((item_, index) => {
          const result = v.safeParse(item, item_);
          for (const issue of result.issues ?? []) {
            const input = [...dataset.value];
            passOn(addIssue, issue, {
              type: "array",
              origin: "value",
              input,
              key: index,
              value: item_,
            });
          }
          return result;
        });
        const output = results.flatMap((result) => result.success ? [result.output] : []);
        return output.length === results.length ? output : NEVER;
      },
    ),
  );
  return withFacts(schema, { kind: "list", item, least });
}

type AddIssue = (
  info: { message: string; input?: unknown; path?: [v.IssuePathItem, ...v.IssuePathItem[]] },
) => void;

/** Reports a nested problem with its path from here. */
function passOn(
  addIssue: AddIssue,
  issue: v.BaseIssue<unknown>,
  ...outer: v.IssuePathItem[]
): void {
  const [first, ...rest] = [...outer, ...issue.path ?? []];
  const { message, input } = issue;
  addIssue(first ? { message, input, path: [first, ...rest] } : { message, input });
}

function pathItem(input: Record<string, unknown>, key: string, value: unknown): v.IssuePathItem {
  return { type: "object", origin: "value", input, key, value };
}
