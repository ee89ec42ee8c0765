declare module 'class-transformer/cjs/storage.js' {
  /** What the decorators of class-transformer put down. */
  export const defaultMetadataStorage: import('class-transformer/types/MetadataStorage.js').MetadataStorage;
}
