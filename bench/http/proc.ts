/** A process's line in /proc (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly parent: number;
  /** CPU time of the process and of the children that it has waited for, in ticks. */
  readonly ticks: number;
}

/** The unit of /proc's CPU times: USER_HZ, 100 on every architecture that Deno runs on. */
export const TICKS_PER_SECOND = 100;

/** Reads /proc/PID/stat; the name in it may have spaces and parentheses. */
export function parseStat(text: string): ProcessStat {
  // The fields after the name, so `state` (3) is the first: ppid is 4, utime to cstime 14 to 17.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user = NaN, system = NaN, childUser = NaN, childSystem = NaN] = fields.slice(11, 15);
  return { parent: fields[1] ?? NaN, ticks: user + system + childUser + childSystem };
}

/** VmRSS in MB (10^6 bytes) of /proc/PID/status; 0 for a process that has ended. */
export function parseRss(text: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024 / 1e6;
}

/** The ticks that a core was busy, of /proc/stat. */
export function parseBusy(text: string, core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(text)?.[1] ?? "";
  const [user = NaN, nice = NaN, system = NaN, , , irq = 0, softirq = 0, steal = 0] = line
    .split(" ").map(Number);
  return user + nice + system + irq + softirq + steal;
}

/** A process and its descendants, from the parent of every process. */
export function familyOf(pid: number, parents: ReadonlyMap<number, number>): number[] {
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

/** What a process and its descendants have used so far: CPU in seconds, memory in MB. */
export async function usageOf(pid: number): Promise<{ cpuSeconds: number; rssMb: number }> {
  const stats = new Map<number, ProcessStat>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readIfThere(`/proc/${name}/stat`);
    if (text !== "") stats.set(Number(name), parseStat(text));
  }
  const parents = new Map([...stats].map(([child, { parent }]) => [child, parent]));
  let [ticks, rssMb] = [0, 0];
  for (const member of familyOf(pid, parents)) {
    ticks += stats.get(member)?.ticks ?? 0;
    rssMb += parseRss(await readIfThere(`/proc/${member}/status`));
  }
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssMb };
}

/** How long a core has been busy (s), whichever process used it. */
export async function busySeconds(core: number): Promise<number> {
  return parseBusy(await Deno.readTextFile("/proc/stat"), core) / TICKS_PER_SECOND;
}

/** Processes end while they are listed. */
async function readIfThere(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
