/** An API token and what its user may do. */
export interface Token {
  token: string;
  /** Such as `Threats.view`; all of them when left out. */
  permissions?: string[];
  /** ISO times; a token past its expiry is as good as a wrong one. */
  createdAt?: string;
  expiresAt?: string;
  /** List parameters that hold for whatever it asks: `{ siteIds: ['…'] }` for a token of one site. */
  sees?: Record<string, string[]>;
  /** Some endpoints say 401 where a permission is missing. */
  missingPermissionStatus?: 401 | 403;
}

/** Reads the token out of an `Authorization: ApiToken …` header. */
export const presentedToken = (authorization: string | undefined): string | undefined =>
  /^ApiToken (\S+)$/.exec(authorization ?? '')?.[1];

/** The token if it is known and still good. */
export function goodToken(
  tokens: readonly Token[],
  presented: string | undefined,
  nowMs: number,
): Token | undefined {
  const found = tokens.find(({ token }) => token === presented);
  return found?.expiresAt !== undefined && Date.parse(found.expiresAt) <= nowMs ? undefined : found;
}

export const hasPermission = ({ permissions }: Token, permission: string | undefined): boolean =>
  permission === undefined || permissions === undefined || permissions.includes(permission);
