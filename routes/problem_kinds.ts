import { GatewayError, KINDS } from "../lib/core/errors.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { jsonDraft } from "./json_draft.ts";

/** The page that a problem's `type` links to: what the kind means and what to do about it. */
export const problemKind: Endpoint = ({ params: { kind } }) => {
  const facts = Object.entries(KINDS).find(([name]) => name === kind)?.[1];
  if (!facts) throw new GatewayError("not-found", `"${kind}" is not a kind of problem`);
  const { status, blame, title, advice } = facts;
  return jsonDraft({ kind, status, blame, title, advice });
};
