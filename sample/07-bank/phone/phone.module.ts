import { Controller, type DynamicModule, Get, Header, Inject, Module } from '@nestjs/common';
import { type OneTimeCode, Phone } from './phone.js';

@Controller('phone')
class PhoneController {
  constructor(@Inject(Phone) private readonly phone: Phone) {}

  @Header('Cache-Control', 'no-store')
  @Get('code')
  read(): OneTimeCode {
    return this.phone.read();
  }
}

/** The code for the page of the phone. The secret stays in the server. */
@Module({})
export class PhoneModule {
  static with(phone: Phone): DynamicModule {
    return {
      module: PhoneModule,
      controllers: [PhoneController],
      providers: [{ provide: Phone, useValue: phone }],
    };
  }
}
