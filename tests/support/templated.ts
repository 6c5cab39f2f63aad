import { Inputs } from "../../lib/template/inputs.ts";
import { JsonDocument } from "../../lib/json/json_document.ts";
import { testCall } from "./context.ts";

/** What a client sends. */
export interface Given {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The inputs of such a request. */
export function inputsOf({ params = {}, query = "", headers = {}, body }: Given): Inputs {
  const call = testCall({ path: `/asked${query}`, params, headers: new Headers(headers) });
  return new Inputs(call, body === undefined ? undefined : JsonDocument.of(body));
}
