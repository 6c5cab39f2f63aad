import type { Handler } from "./handler.ts";

/** Answers one GET request from the parameters in its path and in its query. */
type Read = (path: Record<string, string | undefined>, query: URLSearchParams) => Response;

/**
 * A handler for GET requests. The first pattern that fits a path answers it; other paths are 404,
 * other methods 405.
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
      return Response.json({ error: `${method} is not possible here` }, {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const paths = Object.keys(byPath);
    return Response.json({ error: "nothing is here", paths }, { status: 404 });
  };
}
