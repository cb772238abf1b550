import type { BrowserContext, Page } from 'playwright-core';
import type { TestBed } from './test-bed.js';

/** What a call through the library came to. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One library in a page of the test bed. Its script exports the same functions as those of the others. */
export class DrivenClient {
  private constructor(
    private readonly page: Page,
    private readonly bed: TestBed,
    private readonly script: string,
  ) {}

  static async open(context: BrowserContext, bed: TestBed, script: string): Promise<DrivenClient> {
    bed.exchanges.clear();
    return new DrivenClient(await context.newPage(), bed, script);
  }

  /** Leaves the page for the login page, which is shown each time, and comes back with a code. */
  async logIn(): Promise<void> {
    await this.page.context().clearCookies();
    await this.page.goto(this.bed.page);
    await this.#run('script.logIn(servers)').catch((error: unknown) => {
      // The page is left while its script runs.
      if (!String(error).includes('context was destroyed')) throw error;
    });
    await this.page.click('button[type=submit] >> text=Log in');
    await this.page.waitForURL((url) => url.origin === this.bed.page);
  }

  /** Opens the page again: the library and its script have what they stored, and nothing else. */
  async reload(): Promise<void> {
    await this.page.goto(this.bed.page);
  }

  /** Redeems the code by the library, once. */
  async redeem(): Promise<void> {
    await this.#run('script.redeem(servers)');
  }

  /** Does what the documentation of the library says after a refusal, if it says anything. */
  async redeemAgain(): Promise<void> {
    await this.#run('script.redeemAgain?.(servers)');
  }

  /** One call by the library. The script keeps the response for `callAgain`. */
  async call(method: string, path: string): Promise<Answer> {
    return (await this.#run(`script.call(servers, '${method}', '${path}').then(async (response) => {
      globalThis.answered = response;
      return { status: response.status, body: await response.clone().json() };
    })`)) as Answer;
  }

  /** Repeats the call as the documentation of the library says, if it says anything. */
  async callAgain(method: string, path: string): Promise<void> {
    await this.#run(
      `script.callAgain?.(servers, '${method}', '${path}', globalThis.answered).then(() => undefined)`,
    );
  }

  async readWhatToKnow(): Promise<string> {
    return String(await this.#run('script.WHAT_TO_KNOW'));
  }

  async #run(expression: string): Promise<unknown> {
    const { issuer, api } = this.bed;
    return await this.page.evaluate(`(async () => {
      const script = await import('/${this.script}.js');
      const servers = ${JSON.stringify({ issuer, api })};
      return await ${expression};
    })()`);
  }
}
