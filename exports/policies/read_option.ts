import type * as v from "valibot";
import { ConfigError } from "../../lib/config/config_error.ts";
import { Reader } from "../../lib/config/reader.ts";

/**
 * Reads an option as a config's key is read.
 * @throws {ConfigError} with every problem
 */
export function readOption<const Schema extends v.GenericSchema>(
  schema: Schema,
  option: unknown,
  policy: string,
): v.InferOutput<Schema> {
  const reader = new Reader();
  const read = reader.read(schema, option, [policy]);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  // Without a problem there is a value, which may be undefined.
  return read as v.InferOutput<Schema>;
}
