/*
 * Data: countries-and-timezones by Manuel de la Torre (MIT), after IANA's time zone database, which
 * is in the public domain. Zones that IANA has merged have the name of the remaining zone: Iceland's is
 * Africa/Abidjan.
 */
import { getTimezonesForCountry } from "countries-and-timezones";
import type { Handler } from "./handler.ts";
import { reads } from "./reads.ts";

/**
 * Serves a country's time zones: `GET /time-zones/:code`, each with its offset from UTC in winter and
 * in summer (`dstOffset`; the same where the clocks do not change), as `+hh:mm`.
 */
export const timeZones: Handler = reads({
  "/time-zones/:code": ({ code = "" }) => {
    const zones = getTimezonesForCountry(code.toUpperCase());
    if (!zones) {
      return Response.json({ error: `no time zones are known for ${code}` }, { status: 404 });
    }
    return Response.json(zones.map(({ name, utcOffsetStr, dstOffsetStr }) => ({
      name,
      utcOffset: utcOffsetStr,
      dstOffset: dstOffsetStr,
    })));
  },
});
