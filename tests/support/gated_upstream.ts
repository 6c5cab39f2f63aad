import { startUpstream, type TestUpstream } from "./upstream.ts";

/** A real upstream whose answers come when a test lets them. */
export interface GatedUpstream extends TestUpstream {
  /** The paths that were asked, in order, with their queries. */
  readonly paths: string[];
  /** How many were in flight at once, at most. */
  readonly most: number;
  /** Lets the answer to a path go; asked again, it comes at once. */
  open(path: string): void;
  /** Lets everything go. */
  openAll(): void;
  /** Resolves when that path has been asked. */
  reached(path: string): Promise<void>;
}

/** How an upstream answers a path. */
export type Answer = (request: Request) => Response | Promise<Response>;

/** Starts an upstream that holds back the paths in `gated`, and answers the rest at once. */
export function startGatedUpstream(
  answer: Answer,
  gated: readonly string[] | "all" = [],
): GatedUpstream {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const reached = new Map<string, PromiseWithResolvers<void>>();
  const at = (map: typeof gates, path: string) => {
    const known = map.get(path) ?? Promise.withResolvers<void>();
    map.set(path, known);
    return known;
  };
  const paths: string[] = [];
  let most = 0;
  let isOpen = false;
  const upstream = startUpstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    paths.push(path);
    at(reached, path).resolve();
    most = Math.max(most, upstream.active);
    if (!isOpen && (gated === "all" || gated.includes(path))) {
      const left = new Promise<void>((resolve) =>
        request.signal.addEventListener("abort", () => resolve(), { once: true })
      );
      await Promise.race([at(gates, path).promise, left]);
    }
    return await answer(request);
  });
  return {
    url: upstream.url,
    requests: upstream.requests,
    asked: upstream.asked,
    abandoned: upstream.abandoned,
    paths,
    get active() {
      return upstream.active;
    },
    get most() {
      return most;
    },
    open: (path) => at(gates, path).resolve(),
    openAll() {
      isOpen = true;
      for (const { resolve } of gates.values()) resolve();
    },
    reached: (path) => at(reached, path).promise,
    async [Symbol.asyncDispose]() {
      isOpen = true;
      for (const { resolve } of gates.values()) resolve();
      await upstream[Symbol.asyncDispose]();
    },
  };
}
