import { defineGateway, defineUpstream } from "sluice";
import { callNotes, Notes } from "./notes.ts";

/** Combines notes in a SQLite file with countries from an HTTP API. */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    countries: { url: "http://127.0.0.1:9001", timeout: "1s" },
    notes: defineUpstream({
      open: () => new Notes(Deno.env.get("NOTES_FILE") ?? ":memory:"),
      // The gateway does not start when the file cannot be opened.
      openAt: "start",
      source: callNotes,
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
