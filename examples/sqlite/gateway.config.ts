import { defineGateway, defineUpstream } from "sluice";
import { askNotes, Notes } from "./notes.ts";

/** Notes from a SQLite file, mixed with the country that an HTTP API knows. */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    countries: { url: "http://127.0.0.1:9001", timeout: "1s" },
    notes: defineUpstream({
      open: () => new Notes(Deno.env.get("NOTES_FILE") ?? ":memory:"),
      // A file that cannot be opened keeps the gateway from starting.
      openAt: "start",
      source: askNotes,
    }),
  },
  routes: {
    "GET /country/:code": {
      gather: {
        country: {
          from: "countries",
          path: "/countries/{code}",
          pick: ["code", "name", "flag"],
        },
        notes: { from: "notes", path: "/notes", params: { country: "{country.code}" } },
      },
    },
    "POST /country/:code/notes": {
      gather: {
        country: { from: "countries", path: "/countries/{code}" },
        note: {
          from: "notes",
          method: "POST",
          path: "/notes",
          params: { country: "{country.code}", text: "{body.text}" },
        },
      },
    },
  },
});
