import { activityNames } from './activity-names.ts';

/** The subject of an activity. It decides the message type and how the record is read. */
export type Kind = 'config_change' | 'auth_failure' | 'detection' | 'rule alert' | 'other';

/** A type, or the first and the last of a range. A range includes numbers that the vendor may add later. */
type Types = number | readonly [first: number, last: number];

interface Family {
  readonly name: string;
  readonly kind: Kind;
  readonly types: readonly Types[];
}

const families: readonly Family[] = [
  // Users of the console, their second factor, their sessions.
  {
    name: 'Console user changed',
    kind: 'config_change',
    types: [[23, 25], 37, 42, 67, 88, 102, 103, 129, [1023, 1024], 3626, 3711, 3714, 4006, 4012],
  },
  { name: 'Role changed', kind: 'config_change', types: [[107, 109]] },
  { name: 'API token changed', kind: 'config_change', types: [112, 155] },
  // Agent policy: learning, decommissioning, notifications, mitigation, network quarantine, logging, Deep Visibility, uploads.
  {
    name: 'Policy changed',
    kind: 'config_change',
    types: [
      ...([[38, 41], [44, 46], [56, 60], [69, 70], 73, [77, 79], [82, 84], 105, 116] as const),
      ...([
        [130, 132],
        [200, 201],
        [2100, 2101],
        [2110, 2111],
        [4004, 4005],
      ] as const),
    ],
  },
  { name: 'Detection engine changed', kind: 'config_change', types: [68] },
  { name: 'Anti-tampering changed', kind: 'config_change', types: [76] },
  { name: 'Remote shell settings changed', kind: 'config_change', types: [87] },
  { name: 'Location changed', kind: 'config_change', types: [[1501, 1504]] },
  { name: 'Exclusion or blocklist changed', kind: 'config_change', types: [[3001, 3023]] },
  { name: 'Package changed', kind: 'config_change', types: [[3100, 3103]] },
  // Network discovery, the deployment of agents with its credentials, and self-provisioning.
  {
    name: 'Ranger settings changed',
    kind: 'config_change',
    types: [[3500, 3502], 3506, 3520, [3522, 3527], [3530, 3534], [3640, 3642]],
  },
  // A rule that expired or reached its limit raises no more alerts. 3604 and 3605 change nothing.
  {
    name: 'Detection rule changed',
    kind: 'config_change',
    types: [
      [3600, 3603],
      [3606, 3607],
    ],
  },
  // Viewing a password counts as well, because it allows uninstalling agents.
  { name: 'Uninstall password used or changed', kind: 'config_change', types: [[3610, 3613]] },
  { name: 'Script changed', kind: 'config_change', types: [3616, [3622, 3623]] },
  { name: 'Marketplace app changed', kind: 'config_change', types: [[3633, 3639]] },
  {
    name: 'Tag changed',
    kind: 'config_change',
    types: [
      [3650, 3652],
      [5242, 5244],
    ],
  },
  {
    name: 'Group changed',
    kind: 'config_change',
    types: [
      [5002, 5008],
      [5010, 5013],
    ],
  },
  { name: 'Site changed', kind: 'config_change', types: [[5020, 5029]] },
  { name: 'Account changed', kind: 'config_change', types: [[5040, 5045]] },
  {
    name: 'Device control rule changed',
    kind: 'config_change',
    types: [
      [5120, 5124],
      [5127, 5129],
    ],
  },
  {
    name: 'Firewall rule changed',
    kind: 'config_change',
    types: [
      [5220, 5222],
      [5225, 5226],
      [5229, 5231],
      [5250, 5252],
      [5256, 5257],
    ],
  },
  {
    name: 'Network quarantine rule changed',
    kind: 'config_change',
    types: [
      [5234, 5241],
      [5253, 5255],
      [5258, 5259],
    ],
  },

  { name: 'Failed console login', kind: 'auth_failure', types: [[133, 134], 144, 3625] },
  // Detected on an endpoint, by the cloud, or by a rule or an analyst who marked an event.
  { name: 'Threat detected', kind: 'detection', types: [[18, 20], 22, 4003, [4104, 4113]] },
  { name: 'Rule alert', kind: 'rule alert', types: [3608, 3784] },

  { name: 'Console session', kind: 'other', types: [27, 33, [35, 36], 3624, [3627, 3629]] },
  { name: 'Console maintenance', kind: 'other', types: [26, [203, 204], [5000, 5001]] },
  {
    name: 'Threat status changed',
    kind: 'other',
    types: [
      2,
      21,
      [28, 29],
      34,
      221,
      2016,
      [2028, 2030],
      [2036, 2037],
      [4001, 4002],
      [4007, 4011],
      [4020, 4022],
    ],
  },
  {
    name: 'Threat mitigation',
    kind: 'other',
    types: [
      [2001, 2015],
      [2021, 2027],
      [2031, 2035],
    ],
  },
  { name: 'Deep Visibility event marked', kind: 'other', types: [[4100, 4103]] },
  {
    name: 'Agent installed, updated, moved or removed',
    kind: 'other',
    types: [5, [15, 17], 43, [47, 55], [94, 99], 101, [3630, 3632], 5009],
  },
  {
    name: 'Agent enabled or disabled',
    kind: 'other',
    types: [
      [117, 120],
      [125, 128],
    ],
  },
  {
    name: 'Agent command',
    kind: 'other',
    types: [[63, 66], 74, [80, 81], [85, 86], 89, 93, [121, 124], 3618],
  },
  {
    name: 'Endpoint isolated or reconnected',
    kind: 'other',
    types: [
      [61, 62],
      [1001, 1002],
    ],
  },
  { name: 'Scan', kind: 'other', types: [[71, 72], [90, 92], [3614, 3615], 3617, [3620, 3621]] },
  { name: 'Remote shell session', kind: 'other', types: [[3200, 3204], 3400] },
  { name: 'Ranger discovery', kind: 'other', types: [[3503, 3505], 3507, 3521] },
  { name: 'Detection rule notice', kind: 'other', types: [[3604, 3605]] },
  { name: 'Endpoint tag changed', kind: 'other', types: [[3653, 3656]] },
  { name: 'Device control event', kind: 'other', types: [[5125, 5126]] },
  {
    name: 'Firewall event',
    kind: 'other',
    types: [
      [5227, 5228],
      [5232, 5233],
    ],
  },
];

const byType = new Map<number, Family>();
for (const family of families) {
  for (const types of family.types) {
    const [first, last] = typeof types === 'number' ? [types, types] : types;
    for (let type = first; type <= last; type++) byType.set(type, family);
  }
}

/** Returns what is known about an activity type. An unknown type is a general activity. */
export function activityType(type: number) {
  const family = byType.get(type);
  return { kind: family?.kind ?? 'other', typeName: activityNames[type], activityFamily: family?.name };
}
