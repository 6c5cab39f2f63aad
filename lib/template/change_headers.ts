import type { FieldList } from "../core/field_list.ts";
import type { Inputs } from "./inputs.ts";
import { isSendable } from "./is_sendable.ts";
import type { Template } from "./template.ts";

/** What is done to headers on their way: they are removed, set, added, in this order; names in lower case. */
export interface HeaderRules {
  readonly remove: readonly string[];
  readonly set: readonly HeaderTemplate[];
  readonly add: readonly HeaderTemplate[];
}

/** A header, whose value may depend on the request. */
export interface HeaderTemplate {
  readonly name: string;
  readonly value: Template<string[]>;
}

/**
 * Changes headers for one request.
 * @throws {GatewayError} `bad-request` for a value that cannot be sent as a header
 */
export function changeHeaders(
  headers: FieldList,
  { remove, set, add }: HeaderRules,
  inputs: Inputs,
): void {
  for (const name of remove) headers.delete(name);
  for (const { name, value } of set) {
    const values = valuesOf(name, value, inputs);
    headers.delete(name);
    for (const text of values) headers.append(name, text);
  }
  for (const { name, value } of add) {
    for (const text of valuesOf(name, value, inputs)) headers.append(name, text);
  }
}

function valuesOf(name: string, template: Template<string[]>, inputs: Inputs): string[] {
  const values = template.expand(inputs);
  if (values.every(isSendable)) return values;
  throw inputs.fault(`${name}: cannot be sent as a header`);
}
