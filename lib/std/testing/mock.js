// @ts-self-types="./mock.d.ts"
export { assertSpyCallArgs, assertSpyCalls, spy } from "deno-std/testing/mock.js";
