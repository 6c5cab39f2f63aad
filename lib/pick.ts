import { GatewayError } from "./errors.ts";
import { isRecord } from "./is_record.ts";

/** Which members are kept: each as it is, or what is kept of it in turn. */
export interface Selection {
  readonly [name: string]: Selection | true;
}

/** The selection of dotted names: `["id", "address.city"]`. */
export function selectionOf(names: readonly string[]): Selection {
  const paths = names.map((name) => name.split("."));
  return nest(paths);
}

function nest(paths: readonly (readonly string[])[]): Selection {
  const byName = Map.groupBy(paths, ([name = ""]) => name);
  return Object.fromEntries(
    byName.entries().map(([name, paths]) => {
      const rests = paths.map(([, ...rest]) => rest);
      return [name, rests.some((rest) => rest.length === 0) ? true : nest(rests)];
    }),
  );
}

/** How many lists may stand in one another: nobody means more, and each is a call within a call. */
const MOST_LISTS = 100;

/**
 * The members of an object that are selected, or those of each object of a list. What is not there
 * is left out, and null stays.
 * @param lists in how many lists the value stands
 * @throws {GatewayError} `upstream-invalid` when there is something else, which has no members
 */
export function pick(value: unknown, selection: Selection, lists = 0): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) {
    if (lists === MOST_LISTS) {
      throw new GatewayError(
        "upstream-invalid",
        `the upstream's answer has more than ${MOST_LISTS} lists within lists`,
      );
    }
    return value.map((item) => pick(item, selection, lists + 1));
  }
  if (!isRecord(value)) {
    throw new GatewayError("upstream-invalid", "the upstream's answer has no members to pick", {
      cause: new TypeError(`a ${typeof value} has no members`),
    });
  }
  const kept = Object.entries(selection).filter(([name]) => Object.hasOwn(value, name));
  return Object.fromEntries(
    kept.map(([name, inner]) => [name, inner === true ? value[name] : pick(value[name], inner)]),
  );
}
