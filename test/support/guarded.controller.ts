import { Controller, Get, UseGuards } from '@nestjs/common';
import { DpopBound, DpopGuard } from 'nestjs-dpop';

/** One guarded route, which counts its runs. */
@Controller()
@UseGuards(DpopGuard)
export class GuardedController {
  static runs = 0;

  @Get()
  read(@DpopBound() jkt: string): { jkt: string } {
    GuardedController.runs += 1;
    return { jkt };
  }
}
