import type { SampleUrls } from "../upstreams/serve.ts";

/** The variables in which the config beside this file reads where the samples and the page listen. */
export function variables(samples: SampleUrls, page: string): Record<string, string> {
  return {
    COUNTRIES_URL: samples.countries,
    HOLIDAYS_URL: samples.holidays,
    TIME_ZONES_URL: samples.timeZones,
    MIRROR_URL: samples.mirror,
    DEMO_PAGE_URL: page,
  };
}
