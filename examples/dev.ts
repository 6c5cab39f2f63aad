// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { serveSamples } from "./upstreams/serve.ts";

/**
 * What `deno task dev` runs: the sample upstreams, and the gateway under `--watch` beside them.
 * It ends when the gateway does, or at SIGINT or SIGTERM.
 */
async function dev(): Promise<number> {
  await using samples = await serveSamples();
  for (const [name, url] of Object.entries(samples.urls)) console.log(`sample ${name} on ${url}`);
  const gateway = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--watch",
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "--allow-write",
      "main.ts",
    ],
    cwd: new URL("..", import.meta.url),
  }).spawn();
  // The watcher outlives a gateway that ends at SIGTERM; SIGINT ends both.
  const stop = () => gateway.kill("SIGINT");
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  return (await gateway.status).code;
}

if (import.meta.main) {
  try {
    Deno.exit(await dev());
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
