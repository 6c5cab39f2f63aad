// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { serveSamples } from "./upstreams/serve.ts";

/** Longer than the gateway's graceful shutdown takes (ms). */
const STOP_MS = 5_000;

/** Runs the sample upstreams and the gateway under `--watch`, until the gateway exits or a signal. */
async function dev(): Promise<number> {
  const samplePort = Deno.env.get("SAMPLE_PORT");
  const first = Number(samplePort ?? 9001);
  const port = (index: number) => first && first + index;
  await using samples = await serveSamples({
    ports: { countries: port(0), holidays: port(1), timeZones: port(2) },
  });
  const { countries, holidays, timeZones } = samples.urls;
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
    env: samplePort === undefined ? {} : {
      GATEWAY_CONFIG: "examples/moved_samples.config.ts",
      COUNTRIES_URL: countries,
      HOLIDAYS_URL: holidays,
      TIME_ZONES_URL: timeZones,
    },
  }).spawn();
  // At SIGTERM the gateway exits and the watcher does not; SIGINT ends both, except when the process
  // group got a SIGTERM first.
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    gateway.kill("SIGINT");
    deadline ??= setTimeout(() => gateway.kill("SIGKILL"), STOP_MS);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  const { code } = await gateway.status;
  clearTimeout(deadline);
  return code;
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
