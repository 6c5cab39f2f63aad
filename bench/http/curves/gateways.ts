import type { Program } from "../child.ts";
import { CONTESTANTS } from "../contestants.ts";
import { type Lab, MissingError } from "../lab.ts";
import { fullConfig, type Shapes } from "../sluice_config.ts";
import { sluiceProgram } from "../sluice_program.ts";
import type { Documents } from "../upstreams.ts";

/** A gateway that a curve needs. */
export type Gateway = (lab: Lab, port: number) => Promise<Program>;

export const PARTS = [1, 3, 10, 30, 100] as const;
export const BODIES_KB = [1, 10, 100, 1_024, 4_096] as const;
export const ROUTES = [1, 10, 100, 1_000, 5_000] as const;

/** What the upstreams must have for all curves. */
export const DOCUMENTS: Documents = [
  [1, 100],
  ...BODIES_KB.map((size) => [size, 1] as const).slice(1),
];

const SHAPES: Shapes = {
  fans: [
    ...PARTS.map((parts) => [parts, 1] as const),
    ...BODIES_KB.map((size) => [1, size] as const),
  ],
  forwards: BODIES_KB,
};

/** Sluice with every policy of bench:http's contestant, and routes for all parts and bodies. */
export const sluice: Gateway = (lab, port) =>
  sluiceProgram(lab, port, "curves", full(lab, "curves"));

/** The fetch gateway of bench:http. */
export const fetchGateway: Gateway = async (lab, port) => {
  const contestant = CONTESTANTS.find(({ name }) => name === "fetch");
  if (!contestant) throw new MissingError("there is no fetch gateway");
  return await contestant.program(lab, port);
};

/**
 * Sluice with a number of routes: `/r0/items/:id`, `/r1/items/:id` and so on, all forwards. Without a
 * cache layer, which reads the store until each route has had a hundred responses.
 */
export function sluiceWithRoutes(count: number): Gateway {
  return (lab, port) => {
    const config = full(lab, `routes-${count}`, false);
    const route = { forward: "u0", limit: "wide", deadline: "5s" };
    const routes = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`GET /r${index}/items/:id`, route]),
    );
    return sluiceProgram(lab, port, `routes-${count}`, { ...config, routes });
  };
}

/** Sluice with a limit for each client on cache hits, which leave the limit's cost in sight. */
export const sluiceWithClients: Gateway = (lab, port) => {
  const config = full(lab, "clients");
  const each = { rate: "1000/s", burst: 100_000, by: ["header:x-client", "ip"] };
  return sluiceProgram(lab, port, "clients", {
    ...config,
    limits: { each },
    routes: { "GET /c/*": { forward: "stored", limit: "each" } },
  });
};

function full(lab: Lab, name: string, isCached = true) {
  return fullConfig(lab, `${lab.folder}/${name}.kv`, isCached, SHAPES);
}
