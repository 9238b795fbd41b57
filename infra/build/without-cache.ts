/**
 * Takes the place of `cacheable-request` in the bundles. got loads it, and what it depends on, only for its option
 * `cache`, which nothing here sets.
 */
export default class CacheableRequest {}

/** got recognises the errors of its cache by it. */
export class CacheError extends Error {}
