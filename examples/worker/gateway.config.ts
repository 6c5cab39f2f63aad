import { defineGateway } from "sluice";

/** The shortest round trip through the places that a client names, worked out off the event loop. */
export default defineGateway({
  store: ":memory:",
  upstreams: {},
  routes: {
    "POST /trip": {
      gather: {
        trip: {
          worker: "./round_trip.ts",
          body: { places: "{body.places}" },
          timeout: "2s",
        },
      },
    },
  },
});
