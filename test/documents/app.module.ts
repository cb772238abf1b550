import { Module } from '@nestjs/common';

/** Stands for the module of the reader's own app, which snippets of the documents import. */
@Module({})
export class AppModule {}
