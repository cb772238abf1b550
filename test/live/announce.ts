/** Tells the person who waits for a server. Jest holds back what goes through `console` until the file has ended. */
export function announce(line: string): void {
  process.stderr.write(`${line}\n`);
}
