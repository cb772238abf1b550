import { Controller, type DynamicModule, Get, Header, Inject, Module } from '@nestjs/common';

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
  static with(config: PageConfig): DynamicModule {
    return {
      module: PageModule,
      controllers: [ConfigController],
      providers: [{ provide: CONFIG, useValue: config }],
    };
  }
}
