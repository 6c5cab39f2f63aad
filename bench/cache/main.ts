import { kilobyteOfJson } from "../parts.ts";
import { load } from "./load.ts";
import { startNginx } from "./nginx.ts";

/**
 * A hit in the memory of the gateway, over loopback, beside the same gateway answering a constant,
 * and beside nginx where it is installed. One process each; the load has a process of its own.
 */
const ROUNDS = 5;
const ROUND_MS = 2_000;

const bytes = kilobyteOfJson("it");
let asked = 0;
const origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
  asked++;
  return new Response(bytes, {
    headers: { "content-type": "application/json", "cache-control": "max-age=3600" },
  });
});
const url = `http://127.0.0.1:${origin.addr.port}`;

const gateway = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-all", new URL("gateway.ts", import.meta.url).pathname, url],
  stdout: "piped",
}).spawn();
const reader = gateway.stdout.pipeThrough(new TextDecoderStream()).getReader();
const port = Number((await reader.read()).value);
const nginx = await startNginx(url);

const rows: Record<string, () => Promise<number>> = {
  "Deno alone": () => load(port, "/bare", ROUND_MS),
  "a constant": () => load(port, "/constant/1", ROUND_MS),
  "a hit": () => load(port, "/kept/1", ROUND_MS),
  ...(nginx ? { "nginx, a hit": () => load(nginx.port, "/kept/1", ROUND_MS) } : {}),
};
const rates = new Map(Object.keys(rows).map((name) => [name, new Array<number>()]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, measure] of Object.entries(rows)) rates.get(name)?.push(await measure());
}
const median = (name: string) => rates.get(name)?.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
for (const name of rates.keys()) {
  const rate = Math.round(median(name)).toLocaleString("en");
  print(`${name.padEnd(14)} ${rate.padStart(8)} requests/s`);
}
print(`a hit is ${(median("a hit") / median("a constant")).toFixed(2)} of a constant`);
print(`a hit is ${(median("a hit") / median("Deno alone")).toFixed(2)} of Deno alone`);
print(
  nginx
    ? `a hit is ${(median("a hit") / median("nginx, a hit")).toFixed(2)} of nginx's`
    : "nginx is not installed: skipped",
);
print(`the origin was asked ${asked} times`);

gateway.kill("SIGTERM");
await gateway.status;
await nginx?.[Symbol.asyncDispose]();
await origin.shutdown();
Deno.exit(0);

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}
