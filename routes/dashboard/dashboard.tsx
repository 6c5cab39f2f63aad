import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { GatewayError } from "../../lib/core/errors.ts";
import type { OperatorEnv, OperatorExchange } from "../admin/operator_env.ts";
import { assets } from "./assets.ts";
import { ASSET_HEADERS, PAGE_HEADERS, STREAM_HEADERS } from "./browser_headers.ts";
import { cache } from "./cache.tsx";
import { clients } from "./clients.tsx";
import { Layout } from "./layout.tsx";
import { LiveFeed } from "./live_feed.ts";
import { loginRoutes } from "./login_routes.tsx";
import type { DashboardOptions } from "./options.ts";
import { overview } from "./overview.tsx";
import { PageHeading } from "./page_heading.tsx";
import { requests } from "./requests.tsx";
import { routes } from "./routes.tsx";
import { upstreams } from "./upstreams.tsx";
import { pathOf, type View, type ViewData } from "./view.ts";
import { Waterfall } from "./waterfall.tsx";

const VIEWS: readonly View[] = [overview, upstreams, routes, requests, clients, cache];

/**
 * The operator's dashboard: pages that are whole without JavaScript, and are kept up to date with it.
 * The same code renders a page and its updates.
 */
export function dashboard(options: DashboardOptions): Hono<OperatorEnv> {
  const { clock, shutdown, sessions } = options;
  const feed = new LiveFeed(clock);
  shutdown.onBegin(() => feed.close());
  const app = new Hono<OperatorEnv>();
  app.onError((error) => {
    throw error;
  });
  const dataOf = (c: OperatorExchange, { parameters }: View): ViewData => {
    const asked = new URL(c.req.url).searchParams;
    const query = new URLSearchParams(
      parameters.flatMap((name) => {
        const value = asked.get(name);
        return value ? [[name, value]] : [];
      }),
    );
    return { ...options, query, viewers: feed.viewers };
  };
  const page = async (
    c: OperatorExchange,
    { title, current, status = 200 }: { title: string; current?: string; status?: 200 | 404 },
    children: Child,
  ) => {
    const document = (
      <Layout
        title={title}
        views={VIEWS}
        current={current}
        operator={c.env.operator}
        isSession={sessions !== undefined}
      >
        {children}
      </Layout>
    );
    return c.html(`<!doctype html>${await document.toString()}`, status, PAGE_HEADERS);
  };

  for (const view of VIEWS) {
    const { name, title, before, render } = view;
    app.get(pathOf(name), async (c) => {
      const data = dataOf(c, view);
      const live = `/_gateway/dashboard/live/${name}?${data.query}`;
      return await page(
        c,
        { title, current: name },
        <>
          <PageHeading title={title} />
          {before?.(data)}
          <div id="view" data-live={live}>{await render(data)}</div>
        </>,
      );
    });
    app.get(`/_gateway/dashboard/live/${name}`, (c) => {
      if (!feed.isOpen) {
        throw new GatewayError(
          "overloaded",
          "too many look at the dashboard, or the gateway stops",
          {
            headers: { "retry-after": "5" },
          },
        );
      }
      const { query } = dataOf(c, view);
      const compute = async () => {
        const shown = <>{await render({ ...options, query, viewers: feed.viewers })}</>;
        return JSON.stringify(`${await shown.toString()}`);
      };
      return c.body(feed.open(`${name}?${query}`, compute), 200, STREAM_HEADERS);
    });
  }
  app.get("/_gateway/dashboard/requests/find", (c) => {
    const id = new URL(c.req.url).searchParams.get("id")?.trim() ?? "";
    return c.redirect(`/_gateway/dashboard/requests/${encodeURIComponent(id)}`, 303);
  });
  app.get("/_gateway/dashboard/requests/:id", async (c) => {
    const recent = options.traffic.recent.find(c.req.param("id"));
    if (recent) {
      return await page(
        c,
        { title: "Request", current: "requests" },
        <Waterfall recent={recent} />,
      );
    }
    return await page(
      c,
      { title: "No such request", current: "requests", status: 404 },
      <>
        <h1>No such request</h1>
        <p class="empty">
          It is not among the last 1,000 requests of this process, nor among the failed and slow
          ones from before. Its line in the access log stays: look there for its id.
        </p>
      </>,
    );
  });
  app.get("/_gateway/dashboard/assets/:file", (c) => {
    const asset = assets.get(c.req.param("file"));
    if (asset === undefined) throw new GatewayError("not-found", "the dashboard has no such file");
    const { text, type, etag } = asset;
    const headers = { ...ASSET_HEADERS, etag };
    if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
    return c.body(text, 200, { ...headers, "content-type": type });
  });
  app.route("/", loginRoutes(options));
  return app;
}
