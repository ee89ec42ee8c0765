import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';

/** Marks a schema that the document builder turns into a page: `data` an array, `meta` with the cursor. */
export const PAGE_EXTENSION = 'x-latchkey-page';

/** Documents a handler that answers one page of `view`. */
export const Paged = (view: Type): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(view),
    ApiOkResponse({
      description: 'One page.',
      schema: { type: 'array', items: { $ref: getSchemaPath(view) }, [PAGE_EXTENSION]: true } as object,
    }),
  );
