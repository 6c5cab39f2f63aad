const FOLDER = new URL("../lib/config/", import.meta.url);

/** The documented keys of one object literal. */
type Block = ReadonlyMap<string, string>;

/** Finds the documentation of a schema's key: the JSDoc comment above it in the source. */
export class KeyDocs {
  readonly #blocks: readonly Block[];

  constructor(blocks: readonly Block[]) {
    this.#blocks = blocks;
  }

  /** Reads the comments of every file in lib/config/. */
  static async read(): Promise<KeyDocs> {
    const blocks: Block[] = [];
    for await (const { name } of Deno.readDir(FOLDER)) {
      blocks.push(...blocksOf(await Deno.readTextFile(new URL(name, FOLDER))));
    }
    return new KeyDocs(blocks);
  }

  /**
   * Returns the comment above a key, as one line. If several objects have the key, uses the largest one
   * whose keys are all among `keys`, because an object may be spread into another.
   * @throws {Error} for a key without documentation
   */
  of(key: string, keys: readonly string[]): string {
    const [block] = this.#blocks
      .filter((block) => block.has(key) && block.keys().every((other) => keys.includes(other)))
      .sort((one, other) => other.size - one.size);
    const doc = block?.get(key);
    if (doc === undefined) throw new Error(`the key ${key} of ${keys} has no documentation`);
    return doc;
  }
}

/** The documented keys of each object literal in formatted source, told apart by indentation. */
function blocksOf(source: string): Block[] {
  const blocks: Map<string, string>[] = [];
  const open: { indent: number; block: Map<string, string> }[] = [];
  let doc: string[] | undefined;
  let isInDoc = false;
  for (const line of source.split("\n")) {
    const indent = line.search(/\S/);
    if (indent < 0) continue;
    const text = line.trim();
    if (text.startsWith("/**")) {
      doc = [];
      isInDoc = true;
    }
    if (isInDoc) {
      doc?.push(text.replace(/\s*\*\/$/, "").replace(/^\/?\*+\s?/, ""));
      isInDoc = !text.endsWith("*/");
      continue;
    }
    while ((open.at(-1)?.indent ?? -1) > indent) open.pop();
    if (open.at(-1)?.indent !== indent) {
      const block = new Map<string, string>();
      blocks.push(block);
      open.push({ indent, block });
    }
    const key = /^([$\w]+)(?:,$|:)/.exec(text)?.[1];
    if (key !== undefined && doc !== undefined) {
      open.at(-1)?.block.set(key, doc.filter((line) => line !== "").join(" "));
    }
    doc = undefined;
  }
  return blocks.filter(({ size }) => size > 0);
}
