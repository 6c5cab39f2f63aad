import { GatewayError, json, type Reply } from "sluice";

/** A class of SQLSTATE (PostgreSQL's appendix A), and what that is to whoever asked. */
const BAD_VALUE = /^22/;
const CONSTRAINT = /^23/;
/** No connection, too many of them, or a server that is starting or stopping. */
const UNREACHABLE = /^(?:08|53300$|57P0|CONNECT|ECONN|ENOTFOUND|ETIMEDOUT)/;

/**
 * What a failed query is to a client: a refusal where the client's values were wrong.
 * @throws {GatewayError} where they were not; it tells no more than any upstream's failure does
 */
export function refusal(error: unknown): Reply {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (BAD_VALUE.test(code)) return json({ error: "a value that the column cannot hold" }, 400);
  if (CONSTRAINT.test(code)) return json({ error: "against the rules of the tables" }, 409);
  const kind = UNREACHABLE.test(code) ? "upstream-unreachable" : "upstream-error";
  throw new GatewayError(kind, "the database did not answer the query", { cause: error });
}
