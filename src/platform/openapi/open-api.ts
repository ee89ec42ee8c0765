/** The parts of an OpenAPI 3.1 document that are worked on here; everything else passes through. */
export interface Schema {
  [keyword: string]: unknown;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  $ref?: string;
}

export interface Parameter {
  [key: string]: unknown;
  $ref?: string;
  name?: string;
  in?: string;
  schema?: Schema;
}

export interface Response {
  [key: string]: unknown;
  content?: Record<string, { schema?: Schema; [key: string]: unknown }>;
}

export interface Operation {
  [key: string]: unknown;
  operationId?: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }>; [key: string]: unknown };
  responses: Record<string, Response>;
}

export interface OpenApi {
  [key: string]: unknown;
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; [key: string]: unknown };
}
