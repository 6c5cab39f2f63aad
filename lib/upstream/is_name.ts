/** Whether a URL's host is a name to look up: neither an address nor this machine. */
export function isName(hostname: string): boolean {
  const isAddress = hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
  return !isAddress && !/(?:^|\.)localhost$/.test(hostname);
}
