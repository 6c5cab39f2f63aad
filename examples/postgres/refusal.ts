import { GatewayError, json, type Reply } from "sluice";

/** Classes of SQLSTATE (PostgreSQL documentation, appendix A). */
const BAD_VALUE = /^22/;
const CONSTRAINT = /^23/;
/** No connection, too many of them, or a server that is starting or stopping. */
const UNREACHABLE = /^(?:08|53300$|57P0|CONNECT|ECONN|ENOTFOUND|ETIMEDOUT)/;

/**
 * Turns a failed query into a 4xx reply when the client's values were wrong.
 * @throws {GatewayError} for any other failure, with no details of the database
 */
export function refusal(error: unknown): Reply {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (BAD_VALUE.test(code)) return json({ error: "a value is out of range or malformed" }, 400);
  if (CONSTRAINT.test(code)) return json({ error: "a constraint of the tables is violated" }, 409);
  const kind = UNREACHABLE.test(code) ? "upstream-unreachable" : "upstream-error";
  throw new GatewayError(kind, "the database did not complete the query", { cause: error });
}
