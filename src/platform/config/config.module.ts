import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Config } from './config.js';

/** Lets every module inject `Config` by its class. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: Config, useValue: config }],
      exports: [Config],
    };
  }
}
