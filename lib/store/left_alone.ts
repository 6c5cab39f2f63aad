import type { StoreWatch } from "./store_watch.ts";

/**
 * The same KV, of which every call fails at once while the store is known not to answer. For those
 * who can do without it, and need not try whether it is back: the watch does.
 */
export function leftAlone(kv: Deno.Kv, watch: Pick<StoreWatch, "isSilent">): Deno.Kv {
  return new Proxy(kv, {
    get(target, name) {
      if (watch.isSilent) throw new Error("the store does not answer, and is left alone");
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
