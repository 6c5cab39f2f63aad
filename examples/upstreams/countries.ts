/*
 * Data: world-countries by Mohammed Le Doze and others, https://mledoze.github.io/countries/,
 * under the Open Database License 1.0 (https://opendatacommons.org/licenses/odbl/1.0/).
 */
import type { Country } from "world-countries";
import data from "world-countries/countries.json" with { type: "json" };
import type { Handler } from "./handler.ts";
import { reads } from "./reads.ts";

// Without the fields for which the package's types promise more than its file holds.
type CountryRecord = Omit<Country, "independent" | "latlng" | "unRegionalGroup">;

const records: readonly CountryRecord[] = data;
const byAlpha2 = new Map(records.map((record) => [record.cca2, record]));
const alpha2 = new Map(records.map(({ cca3, cca2 }) => [cca3, cca2]));

/**
 * Serves the world's countries: one by `GET /countries/:code` (ISO 3166 alpha-2, in any case), a list
 * by `GET /countries` or `GET /countries?region=Europe`.
 */
export const countries: Handler = reads({
  "/countries/:code": ({ code = "" }) => {
    const record = byAlpha2.get(code.toUpperCase());
    return record
      ? Response.json(inFull(record))
      : Response.json({ error: `no country has the code ${code}` }, { status: 404 });
  },
  "/countries": (_path, query) => {
    const region = query.get("region")?.toLowerCase();
    const chosen = records.filter((record) => !region || record.region.toLowerCase() === region);
    return Response.json(chosen.map(inBrief));
  },
});

function inBrief({ cca2, name, flag }: CountryRecord) {
  return { code: cca2, name: name.common, flag };
}

function inFull(record: CountryRecord) {
  const { cca2, name, capital, region, languages, currencies, flag, area, borders } = record;
  return {
    code: cca2,
    name: name.common,
    official: name.official,
    capital: capital[0] ?? null,
    region,
    languages: Object.values(languages),
    currencies: Object.entries(currencies).map(([code, currency]) => ({ code, ...currency })),
    flag,
    areaKm2: area > 0 ? area : null, // the data has -1 where the area is unknown
    borders: borders.flatMap((cca3) => alpha2.get(cca3) ?? []),
  };
}
