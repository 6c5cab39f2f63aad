// @ts-self-types="./mod.d.ts"
export { abortable } from "deno-std/async/abortable.js";
export { delay } from "deno-std/async/delay.js";
