// Plain JavaScript, so that an older Node prints a clear message instead of failing on TypeScript.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `This project runs on Node 24 as AWS Lambda does, and this is Node ${major}.${minor}: npm has no Node 24 for ` +
      `${process.platform} on ${process.arch}, so install it yourself (https://nodejs.org) and try again.\n`,
  );
  process.exit(1);
}
