import { defineGateway } from "sluice";

/** Computes the shortest round trip through a client's places in a worker thread. */
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
