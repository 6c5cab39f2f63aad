/** Whether npm is there; without it, what needs it is skipped by name. */
export const HAS_NPM: boolean = await (async () => {
  try {
    return (await new Deno.Command("npm", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
})();
