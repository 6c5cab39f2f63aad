import process from "node:process";

/** How often npm's processes are looked for (ms). */
const LOOK_MS = 300;
/** The programs between `npx deno task dev` and `deno task`. */
const WRAPPER = /^(npm|npx|node|sh)\b/;

/**
 * Calls `onLeft` once npm has ended and left `deno task` running: a signal to `npx deno` ends the
 * script in Deno's npm package, which does not pass it on. Without npm nothing is looked for.
 */
export async function whenLeftByNpm(onLeft: () => void): Promise<void> {
  const wrappers = await npmProcesses();
  if (wrappers.length === 0) return;
  const timer = setInterval(() => {
    if (wrappers.every(runs)) return;
    clearInterval(timer);
    onLeft();
  }, LOOK_MS);
  Deno.unrefTimer(timer);
}

/** The processes above `deno task` that belong to npm; none if it was started otherwise. */
async function npmProcesses(): Promise<readonly number[]> {
  const found: number[] = [];
  let isNpm = false;
  for (let { ppid } = await processOf(Deno.ppid); ppid > 1;) {
    const parent = await processOf(ppid);
    if (!WRAPPER.test(parent.name)) break;
    isNpm ||= !parent.name.startsWith("sh");
    found.push(ppid);
    ({ ppid } = parent);
  }
  return isNpm ? found : [];
}

async function processOf(pid: number): Promise<{ ppid: number; name: string }> {
  try {
    const args = ["-o", "ppid=,comm=", "-p", String(pid)];
    const { stdout } = await new Deno.Command("ps", { args }).output();
    const [, ppid, path = ""] = /^\s*(\d+)\s+(.*)$/m.exec(new TextDecoder().decode(stdout)) ?? [];
    return { ppid: Number(ppid ?? 0), name: path.slice(path.lastIndexOf("/") + 1) };
  } catch {
    return { ppid: 0, name: "" }; // there is no ps
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
