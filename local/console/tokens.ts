export interface Token {
  token: string;
  /** Such as `Threats.view`; all permissions if absent. */
  permissions?: string[];
  /** ISO 8601. An expired token is refused. */
  createdAt?: string;
  expiresAt?: string;
  /** List parameters that limit every request: `{ siteIds: ['…'] }` for a token of one site. */
  sees?: Record<string, string[]>;
  /** Some endpoints return 401 for a missing permission. */
  missingPermissionStatus?: 401 | 403;
}

/** Reads the token of an `Authorization: ApiToken …` header. */
export const presentedToken = (authorization: string | undefined): string | undefined =>
  /^ApiToken (\S+)$/.exec(authorization ?? '')?.[1];

/** Returns the token if it is known and has not expired. */
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
