import { assert, assertEquals, assertThrows } from "@std/assert";
import { StartError } from "../../lib/core/start_error.ts";
import { readOperatorTokens } from "../../lib/process/read_operator_tokens.ts";
import { OWN_ROUTES } from "../../routes/own_routes.ts";
import { startGateway } from "../support/gateway.ts";

const TOKENS = [
  { name: "ana", role: "operate", token: "token-of-ana" },
  { name: "grafana", role: "read", token: "token-of-grafana" },
] as const;
const CONFIG = { upstreams: {}, routes: {} };
const as = (token: string) => ({ authorization: `Bearer ${token}` });

/** The operator's routes that change something; those that sign in and out are everybody's. */
const CHANGES = OWN_ROUTES.filter(({ method, path }) => method !== "GET" && !path.includes("/log"));

Deno.test("roles: a token for reading reads, and changes nothing on any route", async () => {
  await using gateway = startGateway(CONFIG, { operatorTokens: TOKENS });
  assert(CHANGES.length > 8);
  const statusOf = async (method: string, path: string, headers = as("token-of-grafana")) => {
    const url = gateway.url + path.replaceAll(/:\w+/g, "x");
    const response = await fetch(url, { method, headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf("GET", "/_gateway/upstreams"), 200);
  assertEquals(await statusOf("HEAD", "/_gateway/upstreams"), 200);
  for (const { method, path } of CHANGES) {
    assertEquals([path, await statusOf(method, path)], [path, 403]);
  }
  assertEquals(await statusOf("DELETE", "/_gateway/cache?all", as("token-of-ana")), 200);
  assertEquals(await statusOf("GET", "/_gateway/upstreams", as("token-of-nobody")), 401);
});

Deno.test("audit: each change, and each attempt, says who, what, from where and how it ended", async () => {
  await using gateway = startGateway(CONFIG, { operatorTokens: TOKENS });
  const purge = async (token: string) => {
    const url = `${gateway.url}/_gateway/cache?tag=a`;
    const response = await fetch(url, { method: "DELETE", headers: as(token) });
    await response.body?.cancel();
    return response.headers.get("x-request-id");
  };
  const ids: (string | null)[] = [];
  for (const token of ["token-of-ana", "token-of-grafana", "wrong"]) ids.push(await purge(token));
  await (await fetch(`${gateway.url}/_gateway/cache`, { headers: as("token-of-ana") })).text();
  const action = "DELETE /_gateway/cache?tag=a";
  assertEquals(
    gateway.audited.map(({ id, operator, action, address, status }) =>
      `${id} ${operator} ${address} ${action} ${status}`
    ),
    [
      `${ids[0]} ana 127.0.0.1 ${action} 200`,
      `${ids[1]} grafana 127.0.0.1 ${action} 403`,
      `${ids[2]} undefined 127.0.0.1 ${action} 401`,
    ],
  );
  assert(!JSON.stringify(gateway.audited).includes("token-of"));
});

Deno.test("roles: a browser's session has the role of its token, whose pages offer no changes", async () => {
  await using gateway = startGateway(CONFIG, { operatorTokens: TOKENS });
  const page = (path: string, init: RequestInit) =>
    fetch(gateway.url + path, { redirect: "manual", ...init });
  const signedIn = async (token: string) => {
    const response = await page("/_gateway/dashboard/login", {
      method: "POST",
      headers: { origin: gateway.url },
      body: new URLSearchParams({ token }),
    });
    await response.body?.cancel();
    return { origin: gateway.url, cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  const [reader, operator] = [await signedIn("token-of-grafana"), await signedIn("token-of-ana")];
  const shown = async (headers: HeadersInit) =>
    await (await page("/_gateway/dashboard/cache", { headers })).text();
  assert((await shown(reader)).includes('class="reader"'));
  assert((await shown(reader)).includes("grafana (read)"));
  assert(!(await shown(operator)).includes('class="reader"'));
  const purged = async (headers: HeadersInit) => {
    const response = await page("/_gateway/cache?all", { method: "DELETE", headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await purged(reader), await purged(operator)], [403, 200]);
  assertEquals(gateway.audited.map(({ operator }) => operator), [
    "grafana",
    "ana",
    "grafana",
    "ana",
  ]);
});

Deno.test("tokens: from the environment, the first one with every right", () => {
  const read = (variables: Record<string, string>) =>
    readOperatorTokens((name) => variables[name]).map(({ name, role, token }) =>
      `${name} ${role} ${token}`
    );
  assertEquals(read({}), []);
  assertEquals(
    read({ GATEWAY_ADMIN_TOKEN: "a:b", GATEWAY_ADMIN_TOKENS: "ana:operate:x:y,\n bo:read:z \n" }),
    ["admin operate a:b", "ana operate x:y", "bo read z"],
  );
  for (
    const [entries, problem] of [
      ["secret", "entry 1 must be NAME:ROLE:TOKEN"],
      ["ana:operate:x,bo:write:secret", "entry 2 must be NAME:ROLE:TOKEN"],
      ["ana:operate:", "entry 1 must be NAME:ROLE:TOKEN"],
      ["admin:read:secret", "entry 1 must have a name of its own; admin"],
      ["ana:read:secret bo:read:secret", "entry 2 must have a token of its own"],
    ] as const
  ) {
    const env = { GATEWAY_ADMIN_TOKEN: "t", GATEWAY_ADMIN_TOKENS: entries };
    const error = assertThrows(() => read(env), StartError, problem);
    assert(!error.message.includes("secret"), error.message);
  }
});
