import type { INestApplication, Type } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';
import { ApiDocument } from './api-document.js';
import { describeValidation } from './validation-rules.js';

/** What `npm run openapi:metadata` wrote into src/metadata.ts: types and docstrings of controllers and DTOs. */
export type PluginMetadata = () => Promise<{
  '@nestjs/swagger': { models: unknown[][]; controllers: unknown[][] };
}>;

let loading: Promise<void> | null = null;

/** Gives the initialised application its API document; types are read once a process. */
export async function installApiDocs(app: INestApplication, metadata: PluginMetadata): Promise<void> {
  loading ??= load(metadata);
  await loading;
  app.get(ApiDocument).describe(app);
}

async function load(metadata: PluginMetadata): Promise<void> {
  const { models } = (await metadata())['@nestjs/swagger'];
  await SwaggerModule.loadPluginMetadata(metadata as () => Promise<Record<string, unknown>>);
  for (const [file, classes] of models as [Promise<Record<string, Type>>, object][]) {
    const exported = await file;
    for (const name of Object.keys(classes)) describeValidation(exported[name]);
  }
}
