/**
 * To test a config: a gateway without a network, and a clock that a test moves.
 * @module
 */
export type { TestUpstream } from "./calls.ts";
export { TestClock } from "./test_clock.ts";
export {
  type TestGateway,
  testGateway,
  type TestGatewayOptions,
  type TestRequestInit,
} from "./test_gateway.ts";
