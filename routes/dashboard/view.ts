import type { Child } from "hono/jsx";
import type { DashboardOptions } from "./options.ts";

/** What a view is rendered from. */
export interface ViewData extends DashboardOptions {
  /** The query of the page. */
  readonly query: URLSearchParams;
  /** How many look at live pages. */
  readonly viewers: number;
}

/** A page of the dashboard. */
export interface View {
  /** The last segment of its path; `overview` is at `/_gateway/`. */
  readonly name: string;
  readonly title: string;
  /** The parameters of its query; others are ignored. */
  readonly parameters: readonly string[];
  /** Renders what is live in it. */
  readonly render: (data: ViewData) => Child | Promise<Child>;
  /** Renders what comes before that, and does not change by itself. */
  readonly before?: (data: ViewData) => Child;
}

/** The path of a view. */
export function pathOf(name: string): string {
  return name === "overview" ? "/_gateway/" : `/_gateway/dashboard/${name}`;
}
