import { type ScriptedUpstream, startScripted } from "./scripted_upstream.ts";

/**
 * Starts an upstream that responds `{}` and leaves its connections open, except that it closes the
 * connection of each request that `isLost` picks, once it has read the request.
 */
export function startLosingUpstream(
  isLost: (method: string, path: string) => boolean,
): ScriptedUpstream {
  return startScripted(async (wire, _count, { method, path }) => {
    if (isLost(method, path)) return "close";
    const body = method === "HEAD" ? "" : "{}";
    await wire.send(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n${body}`,
    );
  });
}
