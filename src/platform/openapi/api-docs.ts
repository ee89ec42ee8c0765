import type { NestFastifyApplication } from '@nestjs/platform-fastify';

export function installApiDocs(_app: NestFastifyApplication): void {}
