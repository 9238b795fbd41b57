// Settings as one JSON object, printed as arguments of the CDK, one a line: `-c`, `overlapMinutes=15`.
const [given = '{}'] = process.argv.slice(2);
for (const [name, value] of Object.entries(JSON.parse(given))) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/[\r\n]/.test(name + text)) throw new Error(`the setting ${name} has a line break in it`);
  process.stdout.write(`-c\n${name}=${text}\n`);
}
