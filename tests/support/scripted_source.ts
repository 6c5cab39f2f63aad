import type { GatewayError } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { Call, Context, Reply, Source } from "../../lib/core/source.ts";

/** One question that reached a scripted source, still to be answered. */
export interface Asked {
  readonly call: Call;
  readonly ctx: Context;
  /** Answers with a reply. */
  answer(reply: Reply): void;
  /** Answers with JSON. */
  answerJson(value: unknown, status?: number): void;
  fail(error: GatewayError): void;
}

/** An upstream that a test plays: each question waits until the test answers it. */
export class ScriptedSource {
  /** All that was asked, in order. */
  readonly asked: Asked[] = [];
  /** How many questions are neither answered nor aborted. */
  inFlight = 0;

  readonly source: Source = (call, ctx) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.inFlight++;
    ctx.signal.throwIfAborted();
    ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
    this.asked.push({
      call,
      ctx,
      answer: resolve,
      answerJson: (value, status) => resolve(json(value, status)),
      fail: reject,
    });
    return promise.finally(() => this.inFlight--);
  };

  /** The question with that index; fails when it was not asked. */
  at(index: number): Asked {
    const asked = this.asked[index];
    if (!asked) throw new Error(`only ${this.asked.length} questions were asked, not ${index + 1}`);
    return asked;
  }
}
