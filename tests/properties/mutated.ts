import type { Ledger } from "../../lib/limiter/admin/ledger.ts";
import type { Limiter } from "../../lib/limiter/limiter.ts";
import type { NewLedger, NewLimiter } from "./limiter_world.ts";

const LIMITER = new URL("../../lib/limiter/", import.meta.url);

/** The limiter with one of its modules changed: a copy of its folder, in a folder of its own. */
export async function mutated(
  module?: string,
  change: (source: string) => string = (source) => source,
): Promise<{ newLimiter: NewLimiter; newLedger: NewLedger } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  for await (const { name } of Deno.readDir(LIMITER)) {
    const source = await Deno.readTextFile(new URL(name, LIMITER));
    const moved = source.replaceAll(
      /from "(\.\.\/[^"]*)"/g,
      (_, path) => `from "${new URL(path, LIMITER)}"`,
    );
    await Deno.writeTextFile(`${folder}/${name}`, name === module ? change(moved) : moved);
  }
  const { Limiter: Mutant }: { Limiter: typeof Limiter } = await import(
    `file://${folder}/limiter.ts`
  );
  const { Ledger: MutantLedger }: { Ledger: typeof Ledger } = await import(
    `file://${folder}/ledger.ts`
  );
  return {
    newLedger: (options) => new MutantLedger(options),
    newLimiter: (options) => new Mutant(options),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
