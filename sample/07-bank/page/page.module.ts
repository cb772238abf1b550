import { Controller, type DynamicModule, Get, Header, Inject, Module } from '@nestjs/common';
import type { Phone } from '../phone/phone.js';
import { PhoneModule } from '../phone/phone.module.js';

/** What the script of the page must know of the servers. */
export interface PageConfig {
  readonly issuer: string;
  readonly api: string;
  readonly plainApi: string;
  readonly maxProofAgeSeconds: number;
}

const CONFIG = Symbol('CONFIG');

@Controller()
class ConfigController {
  constructor(@Inject(CONFIG) private readonly config: PageConfig) {}

  @Header('Cache-Control', 'no-store')
  @Get('config.json')
  read(): PageConfig {
    return this.config;
  }
}

/** The page: its files are static, and this is all that the server adds. */
@Module({})
export class PageModule {
  static with(config: PageConfig, phone?: Phone): DynamicModule {
    return {
      module: PageModule,
      imports: phone === undefined ? [] : [PhoneModule.with(phone)],
      controllers: [ConfigController],
      providers: [{ provide: CONFIG, useValue: config }],
    };
  }
}
