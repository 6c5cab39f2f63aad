/** A fenced block of a document. */
export interface Snippet {
  readonly file: string;
  /** The line it begins on, from 1. */
  readonly line: number;
  /** `ts`, `sh`, `json`; empty for plain text. */
  readonly language: string;
  readonly text: string;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** The fenced blocks of a document of this project, in order. */
export async function readSnippets(file: string): Promise<Snippet[]> {
  const document = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
  return [...document.matchAll(FENCE)].map(({ index, 1: language = "", 2: text = "" }) => ({
    file,
    line: document.slice(0, index).split("\n").length,
    language,
    text,
  }));
}
