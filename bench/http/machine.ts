/** The machine in a few words: processor, cores, memory, operating system. */
export async function describeMachine(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = /^model name\s*:\s*(.+)$/m.exec(info)?.[1] ?? Deno.build.arch;
  const gigabytes = Math.round(Deno.systemMemoryInfo().total / 1e9);
  const cores = navigator.hardwareConcurrency;
  return `${model}, ${cores} core${cores === 1 ? "" : "s"}, ${gigabytes} GB, ` +
    Deno.build.os;
}

/** The versions of what takes part, as far as it is installed. */
export async function versionsOf(): Promise<Record<string, string>> {
  const versions: Record<string, string> = { Deno: Deno.version.deno, V8: Deno.version.v8 };
  const others = { Node: ["node", "-v"], nginx: ["nginx", "-v"], Go: ["go", "version"] } as const;
  for (const [name, [command, ...args]] of Object.entries(others)) {
    const version = await firstVersion(command, args);
    if (version !== undefined) versions[name] = version;
  }
  return versions;
}

async function firstVersion(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command(command, { args }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
