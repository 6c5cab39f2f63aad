import type { Random } from "./random.ts";

/** Numbers that JavaScript keeps as they are, and numbers that it would write in another way. */
const NUMBERS = [
  ..."0 7 -1 42 1.5 -0.25 123456789012345 0.1 0.000001".split(" "),
  ..."-0 0.0 10.10 1.0 -0.0 1e2 1E5 1e+2 1E-7 1e400 -1e999 1e-400 0.0000001".split(" "),
  ..."9007199254740993 9223372036854775807 12345678901234567890 1234567890123456".split(" "),
  ..."0.1234567890123456789 3.14159265358979312 100000000000000000000000".split(" "),
];
const STRINGS = [
  '""',
  '"a"',
  '"10.10"',
  '"\\"}],{[:"',
  '"\\\\"',
  '"\\u00e9\\ud83d\\ude00"',
  '"\\ud800"',
  '"é😀\u2028"',
  '"__proto__"',
];
const NAMES = ['"a"', '"\\u0061"', '"b"', '""', '"__proto__"', '"é"', '"0"', '"x y"'];
const SPACES = ["", "", "", " ", "\n", "\r\n\t"];

/** A JSON number, as it stands in a text. */
export function nastyNumber(random: Random): string {
  if (random.bool(0.7)) return random.pick(NUMBERS);
  const digits = (most: number) => random.text([..."0123456789"], most);
  const whole = String(random.int(1, 9)) + digits(20);
  const fraction = random.bool() ? `.${digits(18)}${random.int(0, 9)}` : "";
  const exponent = random.bool(0.3)
    ? `${random.pick(["e", "E", "e+", "E-"])}${random.int(0, 400)}`
    : "";
  return (random.bool(0.3) ? "-" : "") + whole + fraction + exponent;
}

/** A JSON document as no two writers would write it: odd numbers, escapes, names that come twice. */
export function nastyJson(random: Random, depth = 3): string {
  const space = () => random.pick(SPACES);
  const inner = () => space() + nastyJson(random, depth - 1) + space();
  switch (random.int(0, depth > 0 ? 5 : 3)) {
    case 0:
      return random.pick(["null", "true", "false"]);
    case 1:
      return random.pick(STRINGS);
    case 2:
    case 3:
      return nastyNumber(random);
    case 4:
      return `[${space()}${random.list(0, 4, inner).join(",")}]`;
    default:
      return `{${space()}${
        random.list(0, 4, () => `${space()}${random.pick(NAMES)}${space()}:${inner()}`).join(",")
      }}`;
  }
}
