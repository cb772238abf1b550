import { type ReplayOutcome, ReplayStore } from 'nestjs-dpop';

/** A store of the app, which answers as the test says. */
export class AnsweringStore extends ReplayStore {
  constructor(
    private readonly answer: () => unknown,
    private readonly epoch: () => string = () => 'AAAAAAAA',
  ) {
    super();
  }

  override claim(): Promise<ReplayOutcome> {
    return this.answer() as Promise<ReplayOutcome>;
  }

  override epochOf(): string {
    return this.epoch();
  }
}
