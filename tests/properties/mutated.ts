import type { Ledger } from "../../lib/limiter/admin/ledger.ts";
import type { Limiter } from "../../lib/limiter/limiter.ts";
import type { NewLedger, NewLimiter } from "./limiter_world.ts";

const LIMITER = new URL("../../lib/limiter/", import.meta.url);

/** The limiter with one of its modules changed: a copy of its folder in a temporary folder. */
export async function mutated(
  module?: string,
  change: (source: string) => string = (source) => source,
): Promise<{ newLimiter: NewLimiter; newLedger: NewLedger } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await copy(LIMITER, `${folder}/`, (name, source) => name === module ? change(source) : source);
  const { Limiter: Mutant }: { Limiter: typeof Limiter } = await import(
    `file://${folder}/limiter.ts`
  );
  const { Ledger: MutantLedger }: { Ledger: typeof Ledger } = await import(
    `file://${folder}/admin/ledger.ts`
  );
  return {
    newLedger: (options) => new MutantLedger(options),
    newLimiter: (options) => new Mutant(options),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function copy(
  from: URL,
  to: string,
  change: (name: string, source: string) => string,
): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(new URL(`${name}/`, from), `${to}${name}/`, change);
    else {
      const source = await Deno.readTextFile(new URL(name, from));
      await Deno.writeTextFile(to + name, change(name, withOutsideImports(source, from)));
    }
  }
}

/** The source with its imports from outside the limiter's folder as absolute URLs. */
function withOutsideImports(source: string, folder: URL): string {
  return source.replaceAll(/from "(\.[^"]*)"/g, (text, path) => {
    const { href } = new URL(path, folder);
    return href.startsWith(LIMITER.href) ? text : `from "${href}"`;
  });
}
