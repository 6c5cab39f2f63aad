import { Hono } from "hono";
import type { ReloadStatus } from "../../lib/process/reloads.ts";
import { NO_STORE } from "./no_store.ts";
import type { OperatorEnv } from "./operator_env.ts";

/** Shows which config is in use, and how reloads went. */
export function configAdmin(reloads: { readonly status: ReloadStatus }): Hono<OperatorEnv> {
  const app = new Hono<OperatorEnv>();
  app.get("/", (c) => {
    const { digest, loadedAt, succeeded, failed, lastFailure } = reloads.status;
    return c.json(
      {
        digest,
        loaded: timeOf(loadedAt),
        reloads: { succeeded, failed },
        lastFailure: lastFailure
          ? { time: timeOf(lastFailure.at), message: lastFailure.message }
          : null,
      },
      200,
      NO_STORE,
    );
  });
  return app;
}

function timeOf(wall: number): string {
  return new Date(wall).toISOString();
}
