import { Body, Controller, Get, Header, Inject, Post } from '@nestjs/common';
import { SkipDpop } from 'nestjs-dpop';
import { PAGE } from './page.js';

/** Issues a token for the key with this thumbprint. */
export type Login = (jkt: string) => Promise<string>;

export const LOGIN = Symbol('LOGIN');

/** The page, and what stands in for the login at an authorization server. */
@SkipDpop()
@Controller()
export class PageController {
  constructor(@Inject(LOGIN) private readonly login: Login) {}

  @Header('Content-Type', 'text/html; charset=utf-8')
  @Get()
  page(): string {
    return PAGE;
  }

  /** An authorization server would authenticate the user, and learn the key from a proof. */
  @Post('login')
  async logIn(@Body() { jkt }: { readonly jkt: string }): Promise<{ readonly token: string }> {
    return { token: await this.login(jkt) };
  }
}
