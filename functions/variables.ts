/** Reads variables that the stack sets; throws an Error that names the one which is missing or wrong. */
export function reading<Names extends string>(variables: Readonly<Partial<Record<Names, string>>>) {
  const text = (name: Names): string => {
    const value = variables[name];
    if (value === undefined || value === '') throw new Error(`environment variable ${name} is missing`);
    return value;
  };
  const number = (name: Names, least = Number.MIN_VALUE): number => {
    const value = Number(text(name));
    if (!(value >= least)) throw new Error(`environment variable ${name} is not a positive number`);
    return value;
  };
  return { text, number };
}
