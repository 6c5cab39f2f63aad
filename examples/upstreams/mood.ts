import { delay } from "@std/async";
import type { Handler } from "./handler.ts";

/** Resolves after `ms` milliseconds, or rejects when the signal aborts. */
type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

const moodPath = new URLPattern({ pathname: "/be/:mood" });

/**
 * Lets anyone change how a handler behaves at runtime, with `POST /be/MOOD`, and see it with
 * `GET /be`:
 *
 * - `well`: normal;
 * - `slow`: responds after 3 s;
 * - `failing`: responds 500;
 * - `hanging`: does not respond until the mood changes;
 * - `garbage`: responds 200 with half of a JSON document.
 *
 * A caller that does not wait for a slow or hanging response leaves nothing running.
 */
export function withMoods(handler: Handler, sleep: Sleep = sleepUnlessAborted): Handler {
  const hanging = new Set<() => void>();
  const moods = new Map<string, Handler>([
    ["well", handler],
    ["slow", async (request) => {
      await sleep(3_000, request.signal);
      return handler(request);
    }],
    ["failing", () => Response.json({ error: "failing on request" }, { status: 500 })],
    ["hanging", async (request) => {
      await moodChange(request.signal);
      return behave(request);
    }],
    ["garbage", async (request) => {
      const text = await (await handler(request)).text();
      return new Response(text.slice(0, text.length / 2), {
        headers: { "content-type": "application/json" },
      });
    }],
  ]);
  let now = "well";
  let behave = handler;

  function change(mood: string): Response {
    const next = moods.get(mood);
    if (!next) {
      const error = `there is no mood ${mood}`;
      return Response.json({ error, moods: [...moods.keys()] }, { status: 404 });
    }
    now = mood;
    behave = next;
    for (const release of hanging) release();
    return Response.json({ mood });
  }

  async function moodChange(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    hanging.add(resolve);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    await promise.finally(() => hanging.delete(resolve));
  }

  return async (request) => {
    if (new URL(request.url).pathname === "/be") return Response.json({ mood: now });
    const mood = moodPath.exec(request.url)?.pathname.groups.mood;
    if (mood) return request.method === "POST" ? change(mood) : onlyPost();
    try {
      return await behave(request);
    } catch (error) {
      if (!request.signal.aborted) throw error;
      return new Response(null, { status: 499 }); // the client has left
    }
  };
}

function onlyPost(): Response {
  return Response.json({ error: "use POST" }, { status: 405, headers: { allow: "POST" } });
}

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, { signal });
}
