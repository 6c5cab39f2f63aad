import { assert } from "@std/assert";
import type { Program } from "./sharing_world.ts";

const REPOSITORY = new URL("../../", import.meta.url);

/** An expression of the program, and how it reads when something is missing. */
interface Change {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

/** A change; where two places hold one rule, it takes both. */
interface Mutant extends Change {
  readonly and?: Change;
}

/** What each key holds, and each rule about whose a response is: one taken away in each. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "forgets the headers of parts": {
    file: "lib/upstream/sources.ts",
    right: '["accept-language", ...Object.keys(part.headers)]',
    wrong: '["accept-language"]',
  },
  "forgets the language that parts send": {
    file: "lib/upstream/sources.ts",
    right: '["accept-language", ...Object.keys(part.headers)]',
    wrong: "Object.keys(part.headers)",
  },
  "forgets the headers of an upstream": {
    file: "lib/http/header_key.ts",
    right: "JSON.stringify([target, keyed])",
    wrong: "JSON.stringify([target])",
  },
  "forgets where an upstream is": {
    file: "lib/http/header_key.ts",
    right: "JSON.stringify([target, keyed])",
    wrong: "JSON.stringify([keyed])",
  },
  "forgets what forwards tell of host and scheme": {
    file: "lib/http/keyed_headers.ts",
    right: "[...TARGET_HEADERS, ...passed]",
    wrong: "[...passed]",
  },
  "forgets the client's key that a forward passes": {
    file: "lib/http/keyed_headers.ts",
    right: "[...TARGET_HEADERS, ...passed]",
    wrong: "[...TARGET_HEADERS]",
  },
  "forgets what a trusted proxy says": {
    file: "routes/forward.ts",
    right: "isProxied ? keyedProxyHeaders(sent) : []",
    wrong: "[]",
  },
  "forgets what else a client sends": {
    file: "routes/forward.ts",
    right: "options.keysClientHeaders ? keyedClientHeaders(sent) : []",
    wrong: "[]",
  },
  "forgets what of the call is in the key": {
    file: "lib/cache/lookup.ts",
    right: "call.headerKey",
    wrong: "undefined",
  },
  "forgets whom a function sees": {
    file: "lib/upstream/stack.ts",
    right: "deps.knowsClients && seesClients(upstream) && !settings.isShared",
    wrong: "false",
  },
  "forgets the Cookies of forwards": {
    file: "routes/forward.ts",
    right: 'sent.has("cookie") && !own.has("cookie")',
    wrong: "false",
  },
  "takes a client's Authorization for the gateway's": {
    file: "lib/cache/lookup.ts",
    right: '!call.hasOwnAuthorization && call.headers.has("authorization")',
    wrong: "false",
  },
  "forgets the client's headers in aggregates": {
    file: "lib/config/client_headers.ts",
    right: "reference.name.toLowerCase()",
    wrong: "[]",
  },
  "forgets the language of aggregates": {
    file: "lib/config/client_headers.ts",
    right: "[...named, SENT_ON]",
    wrong: "named",
  },
  "forgets whom the functions of aggregates see": {
    file: "lib/gather/aggregate_freshness.ts",
    right: 'directives.has("private") || isPerClient',
    wrong: 'directives.has("private")',
  },
  "forgets what aggregates are made of": {
    file: "lib/cache/lookup.ts",
    right: "scope.configKey",
    wrong: "undefined",
  },
  "shares one call among clients": {
    file: "lib/policies/coalesce/same_call.ts",
    right: "sameClient(a.client, b.client)",
    wrong: "true",
    and: {
      file: "lib/policies/coalesce/shared_calls.ts",
      right: "`${name ?? address} ${path}`",
      wrong: "path",
    },
  },
  "shares one call among those with other headers": {
    file: "lib/policies/coalesce/same_call.ts",
    right: "sameHeaders(one.headers, other.headers)",
    wrong: "true",
  },
};

/** A copy of the program that is right, or wrong in one of the ways, as it is told. */
export interface MutableProgram extends Program, AsyncDisposable {
  be(mutant: string): void;
}

/** Copies the program into a folder of its own, with each mutant beside what is right. */
export async function mutableProgram(): Promise<MutableProgram> {
  const folder = await Deno.makeTempDir();
  const root = new URL(`file://${folder}/`);
  for (const name of ["lib", "routes", "middleware"]) await copy(`${name}/`, root);
  for (const [name, mutant] of Object.entries(MUTANTS)) {
    for (const { file, right, wrong } of [mutant, ...mutant.and ? [mutant.and] : []]) {
      const url = new URL(file, root);
      const source = await Deno.readTextFile(url);
      assert(source.includes(right), `${file} reads otherwise now: ${right}`);
      const chosen = `(globalThis.mutant === ${JSON.stringify(name)} ? ${wrong} : ${right})`;
      await Deno.writeTextFile(url, source.replace(right, () => chosen));
    }
  }
  const { buildGateway } = await import(new URL("routes/gateway.ts", root).href);
  const { parseConfig } = await import(new URL("lib/config/parse.ts", root).href);
  return {
    buildGateway,
    parseConfig,
    be: (mutant) => Object.assign(globalThis, { mutant }),
    async [Symbol.asyncDispose]() {
      Reflect.deleteProperty(globalThis, "mutant");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function copy(path: string, root: URL): Promise<void> {
  await Deno.mkdir(new URL(path, root));
  for await (const { name, isDirectory } of Deno.readDir(new URL(path, REPOSITORY))) {
    if (isDirectory) await copy(`${path}${name}/`, root);
    else await Deno.copyFile(new URL(path + name, REPOSITORY), new URL(path + name, root));
  }
}
