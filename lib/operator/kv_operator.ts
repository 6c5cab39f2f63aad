import { KvBlocks } from "./kv_blocks.ts";
import { KvChanges } from "./kv_changes.ts";
import { KvClients } from "./kv_clients.ts";
import { KvLogKey } from "./kv_log_key.ts";
import { Operator, type OperatorOptions } from "./operator.ts";

/** Makes an Operator whose changes are stored in Deno KV. */
export function kvOperator(
  kv: Deno.Kv,
  options: Pick<OperatorOptions, "clock" | "guard" | "onError">,
): Operator {
  const changes = new KvChanges(kv);
  return new Operator({
    ...options,
    changes,
    clients: new KvClients(kv, changes),
    blocks: new KvBlocks(kv, changes),
    logKey: new KvLogKey(kv, changes),
  });
}
