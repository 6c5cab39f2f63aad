const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const TIME = String.raw`(?<time>\d{2}:\d{2}:\d{2})`;
const MONTH = `(?<month>${MONTHS.join("|")})`;
const FORMATS = [
  // IMF-fixdate, the current form.
  `(?:mon|tue|wed|thu|fri|sat|sun), (?<day>\\d{2}) ${MONTH} (?<year>\\d{4}) ${TIME} gmt`,
  // RFC 850
  `(?:mon|tues|wednes|thurs|fri|satur|sun)day, (?<day>\\d{2})-${MONTH}-(?<year>\\d{2}) ${TIME} gmt`,
  // asctime
  `(?:mon|tue|wed|thu|fri|sat|sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((format) => new RegExp(`^${format}$`, "i"));

/** A two-digit year further ahead than this is in the past century. */
const MOST_YEARS_AHEAD = 50;

/**
 * Parses an HTTP-date in any of its three forms (RFC 9110 section 5.6.7) to milliseconds since
 * 1970; undefined if it is invalid.
 * @param now determines the century of a two-digit year (ms since 1970)
 */
export function parseHttpDate(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  for (const format of FORMATS) {
    const { day, month, year, time } = format.exec(text.trim())?.groups ?? {};
    if (!day || !month || !year || !time) continue;
    const monthNumber = MONTHS.indexOf(month.toLowerCase()) + 1;
    const date = `${fullYear(year, now)}-${padded(monthNumber)}-${padded(Number(day))}T${time}Z`;
    const moment = Date.parse(date);
    // A day past the month's end, or hour 24, would roll over to the next.
    return new Date(moment).getUTCDate() === Number(day) ? moment : undefined;
  }
}

function fullYear(year: string, now: number): string {
  if (year.length === 4) return year;
  const thisYear = new Date(now).getUTCFullYear();
  const guess = thisYear - thisYear % 100 + Number(year);
  return String(guess > thisYear + MOST_YEARS_AHEAD ? guess - 100 : guess);
}

function padded(number: number): string {
  return String(number).padStart(2, "0");
}
