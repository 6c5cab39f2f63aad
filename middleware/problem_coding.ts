import type { ResponseCoder } from "../lib/coding/response_coder.ts";
import { Body } from "../lib/core/body.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import { ResponseDraft } from "./response_draft.ts";

/** Compresses long problem documents, such as those of aggregates with many failed parts. */
export function problemCoding(coder: ResponseCoder): Middleware {
  return {
    after(c, response) {
      const { status, headers, body } = response;
      if (c.error === undefined || c.env.batch || typeof body !== "string") return;
      const whole = Body.of(new TextEncoder().encode(body));
      const coded = coder.code(c, { status, headers, body: whole, isStored: false });
      if (coded === null) c.response = new ResponseDraft(null, response);
      if (coded instanceof Promise) return coded.then((coded) => replace(c, response, coded));
    },
  };
}

function replace(c: Exchange, response: ResponseDraft, coded: Body): void {
  c.response = new ResponseDraft(coded.handOn(), response);
}
