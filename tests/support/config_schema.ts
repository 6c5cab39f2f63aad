import { Ajv2020 } from "ajv/dist/2020.js";
import { assertEquals } from "@std/assert";

const FILE = new URL("../../gateway.schema.json", import.meta.url);
const ajv = new Ajv2020({ strict: false, allErrors: false });
const validate = ajv.compile(JSON.parse(await Deno.readTextFile(FILE)));

/** Rules about several places of a config, files or variables, which no JSON Schema can state. */
const BEYOND: readonly RegExp[] = [
  /the environment variable \w+ is not set/,
  /must be (?:the name of (?:an upstream|a limit|another part|a way to authenticate; got)|a parameter of)/,
  /must be a list: a part's data/,
  /must be a list whose \{item\}/,
  /must not depend on itself/,
  /must not match the same requests/,
  /must be a prefix of the route's path/,
  /must refill within a year/,
  /must be at most/,
  /must have the same scheme and path/,
  /must not name a target twice/,
  /must not name a (?:limit|way to authenticate) twice/,
  /must not be set together with the method/,
  /must be the path of a file/,
  /must not be set in a config that is not read from a file/,
  /must not be a worker/,
  /must only be used together with each/,
  /must only be set together with clients/,
  /must not have the name of a route parameter/,
  /must (?:have the method POST|not use :)/,
  /must (?:have (?:a "\}"|nothing but|"\*" only)|not have (?:a segment|an empty))/,
  /"\{[^}]*\}" must/,
  /":?[^"]*" must (?:be ":"|not be a reserved|have only letters)/,
  /up to 1000000\/s/,
  /\.path: must not be set for a worker/,
  /must be an https:\/\/ URL unless jwks or key is set/,
  /the value of \w+ must be a public key/,
  /must be (?:an algorithm for public keys|HS256, HS384 or HS512)/,
  /must be a CEL expression/,
  /must only be set together with auth$/,
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
