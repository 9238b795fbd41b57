import type { Token } from './tokens.ts';

interface Site {
  readonly id: string;
  readonly name: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly state: 'active';
  readonly activeLicenses: number;
}

/** The answer to `GET /sites`: the sites of these agents that a token sees. */
export function sitesAnswer(agents: readonly string[], sees: Token['sees']): string {
  const sites = new Map<string, Site>();
  for (const text of agents) {
    const { siteId: id, siteName: name, accountId, accountName } = JSON.parse(text);
    const activeLicenses = (sites.get(id)?.activeLicenses ?? 0) + 1;
    if (sees?.siteIds?.includes(id) === false || sees?.accountIds?.includes(accountId) === false) continue;
    sites.set(id, { id, name, accountId, accountName, state: 'active', activeLicenses });
  }
  const all = [...sites.values()].sort((a, b) => a.name.localeCompare(b.name));
  const pagination = { nextCursor: null, totalItems: all.length };
  return JSON.stringify({ data: { allSites: {}, sites: all }, pagination });
}
