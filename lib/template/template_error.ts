/** Thrown for an invalid template; its message is the rule that it breaks. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}
