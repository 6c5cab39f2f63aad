import type { ProblemDocument } from "../lib/http/problem.ts";

/** The headers of the page: it loads nothing, and no other page can frame it. */
export const PROBLEM_PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Whether a person opens the URL in a browser. It is the browser that says so (W3C Fetch Metadata), and
 * neither a script nor an API client, some of which send `Accept: text/html` unasked.
 */
export function opensPage(headers: Headers): boolean {
  return headers.get("sec-fetch-dest") === "document";
}

/** A problem document as a page, for someone who opens a URL of the API in a browser. */
export function problemPage(document: ProblemDocument): string {
  const { type, title, status, detail, instance, problems = [] } = document;
  const parts = problems.map(({ part, title, detail }) => item(`${part}: ${title}: ${detail}`));
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<h1>${escape(title)}</h1>
<p>${escape(`Status ${status}: ${detail}`)}</p>
${parts.length > 0 ? `<ul>${parts.join("")}</ul>` : ""}
<p><a href="${escape(type)}">What this means</a></p>
<p>This is an API. Its clients get this as <code>application/problem+json</code>.</p>
<p>Request <code>${escape(instance)}</code></p>
</html>
`;
}

function item(text: string): string {
  return `<li>${escape(text)}</li>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
