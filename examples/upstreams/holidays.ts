/*
 * Data: date-holidays by commenthol and others, https://github.com/commenthol/date-holidays,
 * whose holidays come from Wikipedia articles, under CC BY-SA 3.0
 * (https://creativecommons.org/licenses/by-sa/3.0/).
 */
import Holidays from "date-holidays";
import type { Handler } from "./handler.ts";
import { reads } from "./reads.ts";

const known = new Holidays().getCountries();

/**
 * Serves a country's public holidays, with English names where there are any:
 * `GET /holidays/:code/:year` or `GET /holidays/:code?year=2026`. Default: the current year.
 */
export const holidays: Handler = reads({
  "/holidays/:code/:year": ({ code = "", year = "" }) => ofYear(code, year),
  "/holidays/:code": ({ code = "" }, query) =>
    ofYear(code, query.get("year") ?? String(new Date().getUTCFullYear())),
});

function ofYear(code: string, year: string): Response {
  const country = code.toUpperCase();
  if (!Object.hasOwn(known, country)) {
    return Response.json({ error: `no holidays are known for ${code}` }, { status: 404 });
  }
  // Far from today some calendars throw, and the Chinese one never returns.
  if (!/^(19|20)\d\d$/.test(year)) {
    return Response.json({ error: "the year must be from 1900 to 2099" }, { status: 400 });
  }
  const calendar = new Holidays(country, { languages: ["en"], types: ["public"] });
  const dates = calendar.getHolidays(year).map(({ date, name }) => ({
    date: date.slice(0, 10), // without the time of day
    name,
  }));
  return Response.json(dates);
}
