import type { Environment } from "../config/values.ts";
import { StartError } from "../core/start_error.ts";
import type { OperatorToken } from "../operator/operator_token.ts";

const VARIABLE = "GATEWAY_ADMIN_TOKENS";
const ENTRY = /^([A-Za-z][\w.-]*):(read|operate):([^\s,]+)$/;

/**
 * Reads the tokens for the operator's routes: `GATEWAY_ADMIN_TOKEN`, which may do everything and is
 * called `admin`, and `GATEWAY_ADMIN_TOKENS`, such as `ana:operate:TOKEN,grafana:read:TOKEN`.
 * @throws {StartError} for an entry that is not valid; it shows no token
 */
export function readOperatorTokens(env: Environment): OperatorToken[] {
  const admin = env("GATEWAY_ADMIN_TOKEN");
  const tokens: OperatorToken[] = admin === undefined
    ? []
    : [{ name: "admin", role: "operate", token: admin }];
  const entries = (env(VARIABLE) ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  for (const [index, entry] of entries.entries()) {
    const [, name = "", role, token = ""] = ENTRY.exec(entry) ?? [];
    if (role !== "read" && role !== "operate") {
      throw invalid(index, "must be NAME:ROLE:TOKEN, with the role read or operate");
    }
    if (tokens.some((other) => other.name === name)) {
      throw invalid(index, `must have a name of its own; ${name} is another one's`);
    }
    if (tokens.some((other) => other.token === token)) {
      throw invalid(index, "must have a token of its own; another one has the same");
    }
    tokens.push({ name, role, token });
  }
  return tokens;
}

function invalid(index: number, rule: string): StartError {
  return new StartError(`${VARIABLE}: entry ${index + 1} ${rule}`);
}
