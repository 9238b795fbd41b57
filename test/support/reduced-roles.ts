import { type Ask, allows, type Statement } from './policy.ts';

/** A part of a role without which it would allow less. */
interface Part {
  /** Such as `Allow s3:PutObject on arn:aws:s3:::overflow/*`. */
  readonly says: string;
  readonly rest: readonly Statement[];
}

/** Every statement, and every action and resource of it, each with the role that is left without it. */
function partsOf(statements: readonly Statement[]): Part[] {
  return statements.flatMap((statement, i) => {
    const instead = (...with_: Statement[]) => statements.toSpliced(i, 1, ...with_);
    const { effect, actions, resources } = statement;
    const part = (what: readonly string[], on: readonly string[], rest: readonly Statement[]) => ({
      says: `${effect} ${what.join(', ')} on ${on.join(', ')}`,
      rest,
    });
    return [
      part(actions, resources, instead()),
      ...actions.map((one) =>
        part([one], resources, instead({ ...statement, actions: actions.filter((other) => other !== one) })),
      ),
      ...resources.map((one) =>
        part(
          actions,
          [one],
          instead({ ...statement, resources: resources.filter((other) => other !== one) }),
        ),
      ),
    ];
  });
}

/** What a role allows that none of these asks needs. */
export function unneeded(statements: readonly Statement[], asks: readonly Ask[]): string[] {
  const allowed = asks.filter((ask) => allows(statements, ask));
  return partsOf(statements)
    .filter(({ rest }) => allowed.every((ask) => allows(rest, ask)))
    .map(({ says }) => says);
}
