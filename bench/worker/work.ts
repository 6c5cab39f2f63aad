/** How long one piece of work takes (ms). */
const WORK_MS = 50;

/** Keeps a core busy. */
export default function work(): number {
  const end = performance.now() + WORK_MS;
  let rounds = 0;
  while (performance.now() < end) rounds++;
  return rounds;
}
