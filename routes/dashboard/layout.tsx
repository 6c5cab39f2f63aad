import type { Child } from "hono/jsx";
import type { OperatorIdentity } from "../../lib/operator/operator_token.ts";
import { pathOf, type View } from "./view.ts";

/** What surrounds each page. */
export interface LayoutProps {
  readonly title: string;
  /** The views to go to; none on the login page. */
  readonly views: readonly Pick<View, "name" | "title">[];
  /** The name of the view that is shown. */
  readonly current?: string | undefined;
  /** Whether there is a session to sign out of. */
  readonly isSession: boolean;
  /** Who looks; undefined on the login page. */
  readonly operator?: OperatorIdentity | undefined;
  readonly children: Child;
}

const ASSETS = "/_gateway/dashboard/assets";

/** A whole page. */
export function Layout({ title, views, current, operator, isSession, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · Sluice`}</title>
        <link rel="icon" href={`${ASSETS}/icon.svg`} type="image/svg+xml" />
        <link rel="stylesheet" href={`${ASSETS}/dashboard.css`} />
        <script type="module" src={`${ASSETS}/dashboard.js`} />
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header class="top">
          <a class="brand" href="/_gateway/">
            <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
              <path d="M4 7h24M4 25h24M9 7v18M23 7v18" class="mark" />
              <path d="M9 16c3-3 4 3 7 0s4 3 7 0" class="mark water" />
            </svg>
            Sluice
          </a>
          <nav aria-label="Views">
            {views.map(({ name, title }) => (
              <a href={pathOf(name)} {...(name === current && { "aria-current": "page" })}>
                {title}
              </a>
            ))}
          </nav>
          {operator && <span class="who">{`${operator.name} (${operator.role})`}</span>}
          {isSession && (
            <form method="post" action="/_gateway/dashboard/logout" class="out">
              <button type="submit" class="quiet">Sign out</button>
            </form>
          )}
        </header>
        <main id="content" tabindex={-1} {...(operator?.role === "read" && { class: "reader" })}>
          {children}
        </main>
        <p id="message" role="status" aria-live="polite" />
      </body>
    </html>
  );
}
