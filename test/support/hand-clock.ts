/** A clock that stands still until the test advances it. */
export class HandClock {
  constructor(public ms: number = Date.parse('2030-01-01T00:00:00Z')) {}

  readonly read = (): number => this.ms;

  /** At the beginning of a window of so many seconds. */
  static atWindow(seconds: number): HandClock {
    return new HandClock(Math.ceil(Date.parse('2030-01-01T00:00:00Z') / 1000 / seconds) * seconds * 1000);
  }

  advanceSeconds(seconds: number): void {
    this.ms += seconds * 1000;
  }
}
