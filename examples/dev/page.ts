import { extname } from "node:path";
import type { SampleUrls } from "../upstreams/serve.ts";

const ROOT = new URL("../../", import.meta.url);
/** Single files, by the path at which a browser loads them. */
const FILES: Readonly<Record<string, string>> = {
  "/": "examples/dev/page.html",
  "/_demo/icon.svg": "routes/dashboard/assets/icon.svg",
  "/_demo/gateway.config.ts": "gateway.config.ts",
};
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
};
const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
};
/** Files of a folder, by their names. */
const FOLDERS = [
  {
    pattern: new URLPattern({ pathname: "/_demo/:name([a-z_]+\\.(?:css|js))" }),
    in: "examples/dev",
  },
  { pattern: new URLPattern({ pathname: "/_demo/docs/:name([a-z_]+\\.md)" }), in: "docs" },
];
const moodPath = new URLPattern({ pathname: "/_demo/samples/:name/:mood" });

/** The running server of the page. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves the page of `deno task dev`, with the switches of the samples, on any free port. */
export function servePage(samples: SampleUrls): PageServer {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => respond(request, samples),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function respond(request: Request, samples: SampleUrls): Promise<Response> {
  const { pathname } = new URL(request.url);
  const file = fileOf(request.url);
  if (file !== undefined) return await send(file);
  if (pathname === "/_demo/samples") return Response.json(await moodsOf(samples));
  const { name, mood } = moodPath.exec(request.url)?.pathname.groups ?? {};
  const sample = new Map(Object.entries(samples)).get(name ?? "");
  if (sample === undefined || request.method !== "POST") return notFound();
  return await fetch(`${sample}/be/${mood}`, { method: "POST" });
}

/** The file that a URL stands for, relative to the project. */
function fileOf(url: string): string | undefined {
  for (const { pattern, in: folder } of FOLDERS) {
    const name = pattern.exec(url)?.pathname.groups.name;
    if (name !== undefined) return `${folder}/${name}`;
  }
  return FILES[new URL(url).pathname];
}

/** How each sample behaves now, by its name. */
async function moodsOf(samples: SampleUrls): Promise<Record<string, string>> {
  const moods = Object.entries(samples).map(async ([name, url]) => {
    const { mood }: { mood: string } = await (await fetch(`${url}/be`)).json();
    return [name, mood] as const;
  });
  return Object.fromEntries(await Promise.all(moods));
}

async function send(file: string): Promise<Response> {
  try {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    const type = `${TYPES[extname(file)] ?? "text/plain"}; charset=utf-8`;
    return new Response(text, { headers: { ...HEADERS, "content-type": type } });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return notFound();
    throw error;
  }
}

function notFound(): Response {
  return new Response("not found\n", { status: 404, headers: HEADERS });
}
