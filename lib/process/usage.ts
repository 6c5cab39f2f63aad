import { VERSION } from "./version.ts";

/** A flag of the program, or a variable of its environment. */
interface Setting {
  /** The flag, without its dashes; absent for a variable alone. */
  readonly flag?: string;
  /** What stands for the flag's value; absent for a switch. */
  readonly value?: string;
  /** The variable of the environment; absent for a flag alone. */
  readonly env?: string;
  readonly text: string;
}

/** All of them, in the order of the help. */
export const SETTINGS: readonly Setting[] = [
  {
    flag: "config",
    value: "FILE",
    env: "GATEWAY_CONFIG",
    text: "the config, TypeScript or JSON (default: gateway.config.ts)",
  },
  { flag: "watch-config", text: "reload the config when its files change" },
  { flag: "port", value: "N", env: "PORT", text: "the port; 0 picks a free one (default: 8000)" },
  { flag: "host", value: "H", env: "HOST", text: "the address (default: 127.0.0.1)" },
  { flag: "reuse-port", text: "let several processes listen on the port" },
  { flag: "check", text: "print what the config does, and exit" },
  { flag: "openapi", text: "print an OpenAPI document of the routes, and exit" },
  {
    flag: "log-level",
    value: "LEVEL",
    env: "GATEWAY_LOG_LEVEL",
    text: "debug, info, warn, error or off (default: info)",
  },
  {
    flag: "log-format",
    value: "FORMAT",
    env: "GATEWAY_LOG_FORMAT",
    text: "json or text (default: text on a terminal)",
  },
  { flag: "help", text: "print this, and exit" },
  { flag: "version", text: "print the version, and exit" },
  { env: "GATEWAY_STORE", text: "where the store is (default: the config's store)" },
  { env: "GATEWAY_ADMIN_TOKEN", text: "the operator's token (default: this machine alone)" },
  { env: "GATEWAY_ADMIN_TOKENS", text: "further ones: NAME:ROLE:TOKEN,…" },
  { env: "GATEWAY_GRACE", text: "how long a stop waits for requests (default: 4s)" },
];

/** The text of `--help`. */
export function helpText(): string {
  const rows = SETTINGS.map(({ flag, value, env = "", text }) => {
    const shown = flag === undefined ? "" : `--${flag}${value === undefined ? "" : ` ${value}`}`;
    return `  ${shown.padEnd(20)}${env.padEnd(22)}${text}`;
  });
  return [
    `Sluice ${VERSION}, an API gateway`,
    "",
    "usage: main.ts [FLAGS]",
    "",
    `  ${"Flag".padEnd(20)}${"Environment".padEnd(22)}What it is`,
    ...rows,
    "",
    "Flags override the environment, the environment overrides the config.",
  ].join("\n");
}
