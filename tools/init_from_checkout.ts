import { buildNpm } from "./build_npm.ts";
import { runInit } from "./init.ts";

/** `deno task init`: the new folder gets the gateway of this checkout, built. */
const folder = await Deno.makeTempDir({ prefix: "sluice-" });
try {
  // A task runs in the checkout; INIT_CWD is the folder where the command was typed.
  await runInit(
    Deno.env.get("INIT_CWD") ?? Deno.cwd(),
    async () => {
      await buildNpm(folder);
      return folder;
    },
    "deno task init",
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
