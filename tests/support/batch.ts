import { assertEquals } from "@std/assert";
import { ask } from "./responses.ts";

/** What one request of a batch was answered, as its reader sees it. */
export interface ReadAnswer {
  readonly index?: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly encoding?: string;
  readonly body: unknown;
}

/** How a batch is asked. */
export function batchInit(
  requests: unknown,
  init: RequestInit & { headers?: Record<string, string> } = {},
): RequestInit {
  const headers = { "content-type": "application/json", ...init.headers };
  return { ...init, method: "POST", body: JSON.stringify({ requests }), headers };
}

/** Asks a batch, which must be answered. */
export async function askBatch(
  url: string,
  requests: unknown,
  headers: Record<string, string> = {},
): Promise<readonly ReadAnswer[]> {
  const response = await ask(`${url}/batch`, batchInit(requests, { headers }));
  const text = await response.text();
  assertEquals(response.status, 200, text);
  assertEquals(response.headers.get("content-type"), "application/json");
  const { responses }: { responses: ReadAnswer[] } = JSON.parse(text);
  return responses;
}

/** Reads the answer of a batch. */
export function nested(text: string): { readonly responses: readonly ReadAnswer[] } {
  return JSON.parse(text);
}
