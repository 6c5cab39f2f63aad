/** `https://*.`, in place of the subdomains of what follows. */
const SUBDOMAINS = /^([a-z][a-z0-9+.-]*:\/\/)\*\./;
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Whether a text is an origin, or `https://*.HOST` for all subdomains of one. */
export function isOriginPattern(text: string): boolean {
  const origin = text.replace(SUBDOMAINS, "$1any.");
  return !origin.includes("*") && URL.parse(origin)?.origin === origin;
}

/** Returns what tells whether an origin is one of those, or of their subdomains. */
export function originMatcher(patterns: readonly string[]): (origin: string) => boolean {
  const exact = new Set(patterns);
  const parents = patterns.flatMap((pattern) => {
    const [, scheme] = SUBDOMAINS.exec(pattern) ?? [];
    return scheme === undefined ? [] : { scheme, suffix: pattern.slice(scheme.length + 1) };
  });
  return (origin) =>
    exact.has(origin) ||
    parents.some(({ scheme, suffix }) =>
      origin.startsWith(scheme) && origin.endsWith(suffix) &&
      LABELS.test(origin.slice(scheme.length, -suffix.length))
    );
}
