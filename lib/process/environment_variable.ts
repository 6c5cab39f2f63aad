/** Reads an environment variable; an empty one counts as unset. */
export function environmentVariable(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}
