import { EXPRESSIONS, PIECES } from "./reference.ts";
import { TemplateError } from "./template_error.ts";

const PAIR_RULE = 'must have a "}" for each "{"';
const QUOTE_RULE = `${PAIR_RULE}, and both quotes of {query["NAME"]}`;
const TEXT_RULE = `${PAIR_RULE}; write "{{" and "}}" for braces that are text`;

/** A text split at its expressions. */
export interface SplitText {
  readonly expressions: string[];
  /** What is around them, one more than those. */
  readonly literals: string[];
}

/** Splits the text of a path, where a brace cannot be a literal. */
export function splitPath(text: string): SplitText {
  const parts = text.split(EXPRESSIONS);
  const literals = parts.filter((_, index) => index % 2 === 0);
  for (const literal of literals) checkBraces(literal, text, PAIR_RULE);
  return { expressions: parts.filter((_, index) => index % 2 === 1), literals };
}

/** Splits any other text, where `{{` and `}}` are single braces. */
export function splitText(text: string): SplitText {
  const expressions: string[] = [];
  const literals: string[] = [];
  let literal = "";
  let end = 0;
  for (const { 0: piece, 1: expression, index } of text.matchAll(PIECES)) {
    const before = text.slice(end, index);
    checkBraces(before, text, TEXT_RULE);
    literal += before;
    end = index + piece.length;
    if (expression === undefined) literal += piece[0];
    else {
      expressions.push(expression);
      literals.push(literal);
      literal = "";
    }
  }
  const rest = text.slice(end);
  checkBraces(rest, text, TEXT_RULE);
  literals.push(literal + rest);
  return { expressions, literals };
}

function checkBraces(literal: string, text: string, rule: string): void {
  if (!/[{}]/.test(literal)) return;
  throw new TemplateError(/\{query\[[^{}]*"/.test(text) ? QUOTE_RULE : rule);
}
