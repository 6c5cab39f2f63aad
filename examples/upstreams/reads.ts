import type { Handler } from "./handler.ts";

/** Responds to a GET request, given the parameters in its path and its query. */
type Read = (path: Record<string, string | undefined>, query: URLSearchParams) => Response;

/**
 * Makes a handler of GET requests. The first pattern that matches the path handles it; other paths are
 * 404, other methods 405.
 */
export function reads(byPath: Record<string, Read>): Handler {
  const routes = Object.entries(byPath)
    .map(([pathname, read]) => ({ pattern: new URLPattern({ pathname }), read }));

  return ({ method, url }) => {
    for (const { pattern, read } of routes) {
      const match = pattern.exec(url);
      if (!match) continue;
      if (method === "GET" || method === "HEAD") {
        return read(match.pathname.groups, new URL(url).searchParams);
      }
      return Response.json({ error: `${method} is not allowed here` }, {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const paths = Object.keys(byPath);
    return Response.json({ error: "not found", paths }, { status: 404 });
  };
}
