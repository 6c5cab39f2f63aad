import { Hono } from "hono";
import { GatewayError } from "../../lib/core/errors.ts";
import { addressKey } from "../../lib/http/address.ts";
import { clientAddress } from "../../lib/http/client_address.ts";
import { readRequestBody, requestBody } from "../../lib/http/request_body.ts";
import { OperatorTokens } from "../../lib/operator/operator_tokens.ts";
import { refuseForeignPage, refuseUnknownPage } from "../../middleware/admin.ts";
import type { OperatorEnv, OperatorExchange } from "../admin/operator_env.ts";
import { PAGE_HEADERS } from "./browser_headers.ts";
import { Layout } from "./layout.tsx";
import { Login } from "./login.tsx";
import type { DashboardOptions } from "./options.ts";

/** The largest form (bytes). */
const MAX_FORM = 4_096;
const HOME = "/_gateway/";

/** The routes that sign in and out. Without a token there is nothing to sign in to. */
export function loginRoutes(options: DashboardOptions): Hono<OperatorEnv> {
  const { operatorTokens, sessions, attempts, authorize, settings } = options;
  const tokens = new OperatorTokens(operatorTokens);
  const form = async (
    c: OperatorExchange,
    { next, problem, status = 200 }: { next: string; problem?: string; status?: 200 | 401 | 429 },
  ) => {
    const document = (
      <Layout title="Sign in" views={[]} isSession={false}>
        <Login problem={problem} next={next} />
      </Layout>
    );
    return c.html(`<!doctype html>${await document.toString()}`, status, PAGE_HEADERS);
  };
  const addressOf = (c: OperatorExchange) => {
    const { env: { remoteAddress }, headers } = c.env;
    return addressKey(clientAddress(remoteAddress, headers, settings.trust), settings.ipv6Prefix);
  };
  const app = new Hono<OperatorEnv>();
  app.get("/_gateway/dashboard/login", async (c) => {
    if (sessions === undefined) await authorize(c.env);
    else refuseForeignPage(c.env);
    const next = nextOf(new URL(c.req.url).searchParams.get("next"));
    const isIn = sessions === undefined || sessions.identify(c.env.headers.get("cookie"));
    return isIn ? c.redirect(next, 303) : await form(c, { next });
  });
  app.post("/_gateway/dashboard/login", async (c) => {
    refuseForeignPage(c.env);
    refuseUnknownPage(c.env);
    if (sessions === undefined) {
      throw new GatewayError(
        "forbidden",
        "there is no token to sign in with: GATEWAY_ADMIN_TOKEN is not set",
      );
    }
    const sent = await readForm(c);
    const next = nextOf(sent.get("next"));
    const address = addressOf(c);
    const wait = attempts.waitSeconds(address);
    if (wait > 0) {
      const problem = `Too many attempts. Try again in ${wait} seconds.`;
      c.header("retry-after", String(wait));
      return await form(c, { next, problem, status: 429 });
    }
    c.env.operator = tokens.identify(sent.get("token") ?? "");
    if (c.env.operator === undefined) {
      attempts.failed(address);
      return await form(c, { next, problem: "The token is wrong.", status: 401 });
    }
    c.header("set-cookie", sessions.begin(c.env.operator.name, isOverTls(c)));
    return c.redirect(next, 303);
  });
  app.post("/_gateway/dashboard/logout", (c) => {
    refuseForeignPage(c.env);
    refuseUnknownPage(c.env);
    c.env.operator = sessions?.identify(c.env.headers.get("cookie"));
    if (sessions) c.header("set-cookie", sessions.end(c.env.headers.get("cookie"), isOverTls(c)));
    return c.redirect("/_gateway/dashboard/login", 303);
  });
  return app;
}

/** Where to go after the login: a page of the dashboard, whatever the link says. */
function nextOf(next: string | null): string {
  return next !== null && /^\/_gateway\/[\w/?=&%.+-]*$/.test(next) ? next : HOME;
}

/** Whether the browser came over TLS, which a proxy may have taken off. */
function isOverTls(c: OperatorExchange): boolean {
  const { env: { scheme }, headers } = c.env;
  return scheme === "https" || headers.get("origin")?.startsWith("https:") === true;
}

async function readForm(c: OperatorExchange): Promise<URLSearchParams> {
  const request = c.req.raw;
  const body = requestBody(request);
  if (body) await readRequestBody(body, MAX_FORM, request.signal);
  const text = body ? new TextDecoder().decode(await body.bytes(MAX_FORM)) : "";
  return new URLSearchParams(text);
}
