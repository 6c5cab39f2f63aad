import manifest from "../../deno.json" with { type: "json" };

/** The gateway's version. */
export const VERSION: string = manifest.version;
