// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { GatewayProcess } from "./dev/gateway_process.ts";
import { whenLeftByNpm } from "./dev/left_by_npm.ts";
import { servePage } from "./dev/page.ts";
import { variables } from "./dev/variables.ts";
import { serveSamples } from "./upstreams/serve.ts";

/** One Ctrl-C can arrive several times: from the terminal, from `deno task`, from npm (ms). */
const ONE_SIGNAL_MS = 500;

/** How long each sample takes, so that it can be seen what runs concurrently (ms). */
const LATENCIES = { countries: 120, holidays: 450, timeZones: 260, mirror: 70 };

/** Runs the sample upstreams, the page and the gateway, until the gateway exits or a signal. */
async function dev(): Promise<number> {
  const first = Number(Deno.env.get("SAMPLE_PORT") ?? 9001);
  const port = (index: number) => first && first + index;
  await using samples = await serveSamples({
    ports: { countries: port(0), holidays: port(1), timeZones: port(2), mirror: port(3) },
    latencies: LATENCIES,
  });
  await using page = servePage(samples.urls);
  for (const [name, url] of Object.entries(samples.urls)) console.log(`sample ${name} on ${url}`);
  console.log("open the gateway's address in a browser to see what it does");

  const gateway = new GatewayProcess(variables(samples.urls, page.url));
  let stopsSince: number | undefined;
  const stop = () => {
    if (stopsSince === undefined) gateway.stop();
    else if (performance.now() - stopsSince > ONE_SIGNAL_MS) gateway.kill();
    stopsSince ??= performance.now();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, stop);
  }
  await whenLeftByNpm(stop);
  return await gateway.run();
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
