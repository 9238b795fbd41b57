import type { Micros } from '../time.ts';
import type { Agent } from './agent.ts';
import type { Printable } from './print.ts';
import type { Random } from './random.ts';
import type { Threat } from './threat.ts';
import { idAt, type Place, written } from './world.ts';

export interface Operator {
  id: string;
  name: string;
  mail: string;
}

/** The fields of one activity that other activities do not have. */
export interface ActivityDetails {
  type: number;
  primary: string;
  secondary?: string | null;
  /** Ids in here are JSON numbers, as the console writes them: too long for a double. */
  data: Record<string, Printable>;
  agent?: Agent;
  threat?: Threat;
  operator?: Operator;
  /** The activity is about a site, not the whole account. */
  ofSite?: boolean;
  /** Only in listings that request hidden activities. */
  hidden?: boolean;
}

/** An activity as `/activities` shows it. */
export function createActivity(at: Micros, place: Place, details: ActivityDetails, random: Random) {
  const { type, primary, secondary = null, data, agent, threat, operator } = details;
  return {
    accountId: place.accountId,
    accountName: place.accountName,
    activityType: type,
    activityUuid: random.uuid(),
    agentId: agent?.id ?? null,
    agentUpdatedVersion: type === 43 ? (agent?.agentVersion ?? null) : null,
    comments: null,
    createdAt: written(at),
    data,
    description: null,
    groupId: agent?.groupId ?? null,
    groupName: agent?.groupName ?? null,
    hash: threat?.threatInfo.sha1 ?? null,
    id: idAt(at, random),
    osFamily: agent?.osType ?? null,
    primaryDescription: primary,
    secondaryDescription: secondary,
    siteId: agent || details.ofSite ? place.siteId : null,
    siteName: agent || details.ofSite ? place.siteName : null,
    threatId: threat?.id ?? null,
    // Written a moment before `createdAt`, as a real console does.
    updatedAt: written(at - random.between(500, 3000)),
    userId: operator?.id ?? null,
  };
}
