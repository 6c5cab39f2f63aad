#!/usr/bin/env node
// deno-lint-ignore-file no-console -- it speaks to the developer who started it
// Runs the gateway with the Deno that this package depends on.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
/** How often it looks whether npx, which passes on no signals, has gone (ms). */
const LOOK_MS = 250;

const require = createRequire(import.meta.url);
const deno = require("deno/install_api.cjs").runInstall();
const [command, ...rest] = process.argv.slice(2);

const child = spawn(deno, command === "init" ? initArgs(rest) : gatewayArgs(), {
  stdio: "inherit",
});
const parent = process.ppid;
const looking = setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), LOOK_MS);
// A terminal sends Ctrl-C to both: the gateway ends by it, and this process with the gateway.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`Deno cannot be started: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  clearInterval(looking);
  process.exit(code ?? (signal === "SIGINT" ? 130 : 143));
});

function initArgs(args) {
  return [
    "run",
    "--no-config",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    join(HERE, "dist", "tools", "init_from_package.js"),
    ...args,
  ];
}

function gatewayArgs() {
  // A folder that init has written has a gateway of its own, so that "sluice" is the same for both.
  const own = join("sluice", "dist", "main.js");
  const main = existsSync(own) ? own : join(HERE, "dist", "main.js");
  const config = ["deno.json", "deno.jsonc"].find((file) => existsSync(file));
  const imports = config === undefined
    ? ["--no-config", `--import-map=${join(HERE, "import_map.json")}`]
    : [`--config=${config}`];
  return [
    "run",
    "--unstable-kv",
    "--unstable-no-legacy-abort",
    "--unstable-net",
    "--v8-flags=--max-semi-space-size=64",
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-write",
    ...imports,
    main,
    ...process.argv.slice(2),
  ];
}
