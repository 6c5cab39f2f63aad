import { fileURLToPath } from "node:url";
import { runInit } from "./init.ts";

/** `sluice init`: the new folder gets a copy of the package that this file is part of. */
const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
await runInit(Deno.cwd(), () => Promise.resolve(PACKAGE), "sluice init");
