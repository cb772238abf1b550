import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Adds to the time of day, and to no other clock, the seconds that stand in a file. */
const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long *step;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("STEPPED_CLOCK_FILE");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file >= 0) {
    void *mapped = mmap(0, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) step = mapped;
    close(file);
  }
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && step && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += *step;
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
`;

/** Whether there is what it is built with. A test that needs it is skipped otherwise, and says so. */
export function canStepClocks(): boolean {
  const isThere = process.platform === 'linux' && spawnSync('cc', ['--version']).error === undefined;
  if (!isThere)
    process.stderr.write('SKIPPED: tests with a stepped clock need Linux and a C compiler (cc)\n');
  return isThere;
}

/** The clock of one process, which a test may step. */
export class SteppedClock {
  private constructor(private readonly directory: string) {}

  static async create(): Promise<SteppedClock> {
    const clock = new SteppedClock(await mkdtemp(join(tmpdir(), 'dpop-clock-')));
    await clock.stepTo(0);
    await writeFile(join(clock.directory, 'clock.c'), SOURCE);
    const { status, stderr } = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-O1', '-o', clock.#library, join(clock.directory, 'clock.c')],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`the stepped clock does not compile: ${stderr}`);
    return clock;
  }

  /** What a process is started with. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, STEPPED_CLOCK_FILE: this.#file };
  }

  /** From now on the process sees the right time and so many seconds more. */
  async stepTo(seconds: number): Promise<void> {
    const step = Buffer.alloc(8);
    step.writeBigInt64LE(BigInt(seconds));
    // In place: the process has the file mapped.
    await writeFile(this.#file, step, { flag: 'r+' }).catch(() => writeFile(this.#file, step));
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.directory, 'step');
  }

  get #library(): string {
    return join(this.directory, 'clock.so');
  }
}
