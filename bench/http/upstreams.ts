import { jsonOfBytes } from "../parts.ts";
import { Child, freePort, type Pin } from "./child.ts";
import { benchFile, type Lab } from "./lab.ts";
import { nginxProgram } from "./nginx.ts";

/** How many documents there are of each size (KB). */
export type Documents = readonly (readonly [kilobytes: number, count: number])[];

const DOCUMENTS: Documents = [[1, 10], [10, 10], [100, 10]];
/** How long the slow upstream takes to respond. */
export const SLOW_MS = 50;

/**
 * nginx with `/sKB/pN.json` on three ports, the same documents cacheable under `/c/`, the first under
 * `/rN/` for any number, and a slow one.
 * @throws {MissingError} without nginx
 */
export async function startUpstreams(
  folder: string,
  pin: Pin,
  closing: AsyncDisposableStack,
  documents = DOCUMENTS,
): Promise<Lab> {
  for (const [size, count] of documents) {
    await Deno.mkdir(`${folder}/up/s${size}`, { recursive: true });
    for (let index = 0; index < count; index++) {
      const bytes = jsonOfBytes(`p${index}`, size * 1024);
      await Deno.writeFile(`${folder}/up/s${size}/p${index}.json`, bytes);
    }
  }
  const upstreams = [freePort(), freePort(), freePort()] as const;
  const program = await nginxProgram(
    folder,
    "up",
    `open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s; etag off; sendfile on;
    server {
      ${upstreams.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(" ")}
      root ${folder}/up;
      location / { add_header Cache-Control private; }
      location /allowed/ { alias ${folder}/up/s1/; add_header Cache-Control private; }
      location /denied/ { alias ${folder}/up/s1/; add_header Cache-Control private; }
      location ~ ^/r[0-9]+/ { rewrite ^ /s1/p0.json break; add_header Cache-Control private; }
      location /c/ { alias ${folder}/up/s1/; add_header Cache-Control max-age=3600; }
    }`,
  );
  closing.use(await Child.start(program, upstreams[0], pin));
  const slowUpstream = freePort();
  const args = [String(slowUpstream), String(SLOW_MS), `${folder}/up/s1/p2.json`];
  closing.use(
    await Child.start(
      {
        command: Deno.execPath(),
        args: ["run", "-A", benchFile("peers/slow_upstream.ts"), ...args],
      },
      slowUpstream,
      pin,
    ),
  );
  return { folder, upstreams, slowUpstream };
}
