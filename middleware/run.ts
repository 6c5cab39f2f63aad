import type { Exchange } from "./exchange.ts";
import type { Way } from "./middleware.ts";

/**
 * Takes a request through the middleware to its endpoint, and the response back. It waits only for
 * what has to be waited for: a request that waits for its upstreams is one suspended function.
 */
export async function run(c: Exchange, { middleware, endpoint, problem }: Way): Promise<Response> {
  let passed = 0;
  try {
    for (; passed < middleware.length; passed++) {
      let response = middleware[passed]?.before?.(c);
      if (response instanceof Promise) {
        // A client that leaves meanwhile causes no call.
        c.lifetime?.watchClient();
        response = await response;
      }
      c.response = response ?? undefined;
      if (c.response) break;
    }
    c.response ??= await endpoint(c);
  } catch (error) {
    c.response = problem(error, c);
  }
  while (passed-- > 0) {
    try {
      const after = middleware[passed]?.after?.(c, c.response);
      if (after) await after;
    } catch (error) {
      c.response = problem(error, c);
    }
  }
  try {
    return c.response.build(c.method);
  } catch (error) {
    return problem(error, c).build(c.method);
  }
}
