import { type ChildProcess, spawn } from 'node:child_process';

/** Reads process ids until its input ends, which is when whoever wrote them is gone, however that came. */
const SCRIPT = 'pids=; while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -9 $pids';

let keeper: ChildProcess | undefined;
const kept = new Set<ChildProcess>();

/** Sees to it that a child does not outlive this process, not even when this process is killed. */
export function keep(child: ChildProcess): void {
  if (keeper === undefined) {
    keeper = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    keeper.unref();
  }
  keeper.stdin?.write(`${child.pid}\n`);
  kept.add(child);
  child.once('exit', () => {
    kept.delete(child);
    if (kept.size > 0) return;
    // Nobody is left: its list holds numbers that may name others by now.
    keeper?.kill('SIGKILL');
    keeper = undefined;
  });
}
