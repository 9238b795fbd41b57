/** One part of a query: a word or phrase to look for anywhere, or a value that a field must have. */
export interface Term {
  readonly field?: string;
  readonly value: string;
}

/** `field:value`, `field:"a value"`, `"a phrase"` or `word`. Two quotes stand for one in a quoted value. */
const term = /(?:(\w+):)?(?:"((?:[^"]|"")*)(?:"|$)|(\S+))/g;

/**
 * Reads a query. All of its terms must match. A name that is not a field is part of the text, as in `https://…` and
 * `C:\Windows`.
 */
export function readQuery(query: string, isField: (name: string) => boolean): Term[] {
  return [...query.matchAll(term)].flatMap(([whole, field, quoted, word = '']) => {
    const value = quoted?.replaceAll('""', '"') ?? word;
    if (field === undefined) return value === '' ? [] : [{ value }];
    return isField(field)
      ? [{ field, value }]
      : [{ value: quoted === undefined ? whole : `${field}:${value}` }];
  });
}
