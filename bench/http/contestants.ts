import type { Program } from "./child.ts";
import { benchFile, build, has, type Lab, MissingError } from "./lab.ts";
import { luraConfig } from "./lura_config.ts";
import { nginxLuaPeer, nginxPeer } from "./nginx_peers.ts";
import { bareConfig, fullConfig } from "./sluice_config.ts";
import { sluiceProgram } from "./sluice_program.ts";

/** A gateway, and what it is set up to do. */
export interface Contestant {
  readonly name: string;
  readonly does: string;
  readonly doesNot: string;
  /** The names of the workloads that it can do. */
  readonly workloads: RegExp;
  /** Whether it is machine code from the start, and needs no long warm-up. */
  readonly isCompiled: boolean;
  /** @throws {MissingError} when this machine does not have what it needs */
  program(lab: Lab, port: number): Promise<Program>;
}

const AGGREGATES = /^(?:fan|slow|compress)/;
const WITHOUT_STATE = /^(?:fan|slow|forward)/;

/** Every contestant, in the order of the tables. */
export const CONTESTANTS: readonly Contestant[] = [
  {
    name: "sluice",
    does:
      "Sluice as it ships: `main.ts` with a store on disk, and on every route a limit by client, " +
      "a deadline, upstream timeouts, a cache layer, coalescing and the access log (to /dev/null)",
    doesNot: "retries, TLS, transforms",
    workloads: /./,
    isCompiled: false,
    async program(lab, port) {
      return await sluiceProgram(lab, port, "full", fullConfig(lab, `${lab.folder}/sluice.kv`));
    },
  },
  {
    name: "sluice-uncached",
    does: "the same without the cache layer on aggregated and forwarded calls",
    doesNot: "a cache (but for `hit`), retries, TLS, transforms",
    workloads: WITHOUT_STATE,
    isCompiled: false,
    async program(lab, port) {
      const config = fullConfig(lab, `${lab.folder}/uncached.kv`, false);
      return await sluiceProgram(lab, port, "uncached", config);
    },
  },
  {
    name: "sluice-bare",
    does:
      "`main.ts` with the same routes; coalescing, JSON validation, default deadlines and the access log",
    doesNot: "limits, upstream timeouts of its own, a cache (but for `hit`), a store on disk",
    workloads: /^(?:fan|slow|forward|hit)/,
    isCompiled: false,
    async program(lab, port) {
      return await sluiceProgram(lab, port, "bare", bareConfig(lab));
    },
  },
  {
    name: "fetch",
    does:
      "20 lines of `Deno.serve`, `fetch` with a timeout, `response.json()`, `Promise.allSettled`",
    doesNot: "limits, a cache, coalescing, body limits, strict JSON, a log, error documents",
    workloads: WITHOUT_STATE,
    isCompiled: false,
    program: (lab, port) =>
      Promise.resolve({
        command: Deno.execPath(),
        args: [
          "run",
          "--allow-net",
          benchFile("peers/fetch_gateway.ts"),
          ...portsOf(lab, port),
        ],
      }),
  },
  {
    name: "undici",
    does:
      "the same lines on Node's HTTP server and undici's pools of 256 connections, with timeouts",
    doesNot: "limits, a cache, coalescing, body limits, strict JSON, a log, error documents",
    workloads: WITHOUT_STATE,
    isCompiled: false,
    program: undici,
  },
  {
    name: "nginx",
    does: "`proxy_pass`, `proxy_cache`, `limit_req`: one process, keep-alive to the upstreams",
    doesNot: "aggregates; a log",
    workloads: /^(?:forward|hit|allowed|denied)/,
    isCompiled: true,
    program: nginxPeer,
  },
  {
    name: "nginx-lua",
    does: "`capture_multi` in Lua; the parts' bytes are spliced unread",
    doesNot: "JSON validation, limits, a cache, coalescing, a log",
    workloads: AGGREGATES,
    isCompiled: true,
    program: (lab, port) => nginxLuaPeer(lab, port, false),
  },
  {
    name: "nginx-cjson",
    does: "`capture_multi` in Lua; the parts are parsed and written by cjson",
    doesNot: "limits, a cache, coalescing, a log; exact numbers (doubles only)",
    workloads: AGGREGATES,
    isCompiled: true,
    async program(lab, port) {
      if (!await hasCjson()) throw new MissingError("lua-cjson is not installed");
      return await nginxLuaPeer(lab, port, true);
    },
  },
  {
    name: "lura",
    does:
      "the engine of KrakenD (lura 2.12.1) with its gin router: parts decoded, merged by group, encoded",
    doesNot: "limits, a cache, coalescing, a log",
    workloads: WITHOUT_STATE,
    isCompiled: true,
    program: lura,
  },
];

async function undici(lab: Lab, port: number): Promise<Program> {
  if (!await has("node", "--version")) throw new MissingError("node is not installed");
  const folder = `${lab.folder}/undici`;
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["package.json", "gateway.cjs"]) {
    await Deno.copyFile(benchFile(`peers/undici/${name}`), `${folder}/${name}`);
  }
  await build("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], folder);
  return { command: "node", args: [`${folder}/gateway.cjs`, ...portsOf(lab, port)] };
}

async function lura(lab: Lab, port: number): Promise<Program> {
  const command = `${lab.folder}/lura`;
  await build("go", ["build", "-o", command, "."], benchFile("peers/lura"));
  const file = `${lab.folder}/lura.json`;
  await Deno.writeTextFile(file, JSON.stringify(luraConfig(lab, port)));
  return { command, args: ["-c", file] };
}

function portsOf(lab: Lab, port: number): string[] {
  return [port, ...lab.upstreams, lab.slowUpstream].map(String);
}

/** Debian puts a Lua module for C into a folder named after the architecture. */
async function hasCjson(): Promise<boolean> {
  for (const root of ["/usr/lib", "/usr/local/lib"]) {
    const names = await Array.fromAsync(Deno.readDir(root), ({ name }) => name).catch(() => []);
    for (const folder of [root, ...names.map((name) => `${root}/${name}`)]) {
      if (await Deno.stat(`${folder}/lua/5.1/cjson.so`).then(() => true, () => false)) return true;
    }
  }
  return false;
}
