import { Ajv2020 } from "ajv/dist/2020.js";
import { assertEquals } from "@std/assert";

const FILE = new URL("../../gateway.schema.json", import.meta.url);
const ajv = new Ajv2020({ strict: false, allErrors: false });
const validate = ajv.compile(JSON.parse(await Deno.readTextFile(FILE)));

/** Rules about several places of a config, files or variables, which no JSON Schema can state. */
const BEYOND: readonly RegExp[] = [
  /the environment variable \w+ is not set/,
  /must name (?:an upstream|a limit|other parts|a parameter of)/,
  /must name a list: of a part/,
  /must be a list whose \{item\}/,
  /must not wait for itself/,
  /must differ from/,
  /must be how the route's path begins/,
  /must fill within a year/,
  /must not exceed/,
  /must name each limit once/,
  /must not be sent with/,
  /must be a file, found/,
  /must not be said in a config that is no file/,
  /must not name a worker/,
  /must only be used with each/,
  /must only be said where there are clients/,
  /must not be named like a route parameter/,
  /must (?:be POST|not use :)/,
  /must have (?:a "\}"|no (?:segment|empty)|nothing but|"\*" at its end)/,
  /"\{[^}]*\}" must/,
  /":?[^"]*" (?:must (?:be ":"|not take)|holds a character)/,
  /up to 1000000\/s/,
  /\.path: must not be said of a worker/,
  /must be an origin/,
  /must be an address or a range/,
];

/** Whether a JSON config is valid for an editor; undefined when it is not JSON. */
export function schemaAccepts(config: unknown): boolean | undefined {
  return isJson(config) ? validate(config) : undefined;
}

/** Holds that the JSON Schema rejects what breaks this rule, unless no JSON Schema could. */
export function assertSchemaRejects(config: unknown, problem: string): void {
  const accepts = schemaAccepts(config);
  if (accepts === undefined || BEYOND.some((rule) => rule.test(problem))) return;
  assertEquals(accepts, false, `gateway.schema.json accepts what breaks: ${problem}`);
}

function isJson(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isJson);
  return value === null || Number.isFinite(value) || ["string", "boolean"].includes(typeof value);
}
