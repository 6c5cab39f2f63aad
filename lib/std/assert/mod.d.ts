/** Thrown by every assertion that fails. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions);
}

// deno-lint-ignore no-explicit-any -- any constructor, whatever its parameters
type AnyConstructor<T> = abstract new (...args: any[]) => T;

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message?: string): asserts value;
/** Fails unless `value` is falsy. */
export function assertFalse(value: unknown, message?: string): void;
/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void;
/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void;
/** Fails unless both are the same by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T;
/** Fails if `value` is null or undefined. */
export function assertExists<T>(value: T, message?: string): asserts value is NonNullable<T>;
/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void;
/** Fails unless every expected item is in `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  message?: string,
): void;
/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void;
/** Fails if `actual` matches. */
export function assertNotMatch(actual: string, expected: RegExp, message?: string): void;
/** Fails unless `actual` has at least all of `expected`, deeply. */
export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
): void;
/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: AnyConstructor<T>,
  message?: string,
): asserts actual is T;
/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void;
/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void;
/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void;
/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void;
/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** Fails unless `fn` throws an `ErrorClass` whose message includes the given text; returns it. */
export function assertThrows<E extends Error>(
  fn: () => unknown,
  ErrorClass: AnyConstructor<E>,
  messageIncludes?: string,
  message?: string,
): E;
/** Fails unless `fn`'s promise rejects; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
/** Fails unless `fn`'s promise rejects with an `ErrorClass` whose message includes the given text. */
export function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AnyConstructor<E>,
  messageIncludes?: string,
  message?: string,
): Promise<E>;
/** Whether both are deeply equal. */
export function equal(a: unknown, b: unknown): boolean;
/** Always fails. */
export function fail(message?: string): never;
/** Fails because a line was reached that never should be. */
export function unreachable(reason?: string): never;
