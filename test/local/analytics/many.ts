import type { Artifact } from '../../../local/analytics/artifact.ts';
import { artifact, at } from './harness.ts';

const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
const families = ['emotet', 'lockbit', 'mimikatz', 'qakbot', 'cobalt-strike', 'agent-tesla'];
const people = ['jane.doe', 'john.roe', 'priya.nair', 'sam.lee', 'ana.silva', 'li.wei', 'tom.kay'];
const customers = ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark', 'wayne', 'tyrell'];

/** The name of one of many instances. */
const instanceName = (i: number) =>
  i < customers.length ? pick(customers, i) : `${pick(customers, i)}-${String(i).padStart(3, '0')}`;

function threat(i: number, instance: string, host: string): Artifact {
  const fileName = `${pick(families, i)}_${i}.exe`;
  const isMitigated = i % 3 !== 0;
  const user = `CORP\\${pick(people, i)}`;
  const says = isMitigated ? 'mitigated' : 'not mitigated';
  return artifact(
    `${instance}/threats/${i}`,
    {
      instance,
      stream: 'threats',
      streamName: 'sentinelone',
      messageType: 'malicious_software',
      senderHost: `usea1-${instance}.sentinelone.net`,
      severityLabel: pick(['high', 'high', 'medium', 'low'], i),
      clientHostname: host,
      userName: user,
      fileName,
      fileHash: i.toString(16).padStart(64, 'a'),
      action: isMitigated ? 'block' : 'not_mitigated',
      threatId: `${2_300_000_000_000_000_000n + BigInt(i)}`,
      message: `${fileName} (Malware, malicious) was found on ${host}, user ${user}: ${says}.`,
      tags: ['undefined', isMitigated ? 'mitigated' : 'not_mitigated', 'unresolved'],
    },
    {
      raw: `{"id":"${i}","threatInfo":{"threatName":"${fileName}","note":"${'x'.repeat(600)}"}}`,
      timestamp: at(-i),
    },
  );
}

function activity(i: number, instance: string): Artifact {
  const user = `${pick(people, i)}@${instance}.example`;
  return artifact(
    `${instance}/activities/${i}`,
    {
      instance,
      stream: 'activities',
      streamName: 'sentinelone_mgmt',
      severityLabel: i % 11 === 0 ? 'medium' : 'informational',
      userName: user,
      message: `The management user ${user} ${i % 11 === 0 ? 'failed to log in' : 'logged in'} to the management console.`,
    },
    { timestamp: at(-i) },
  );
}

/** Threats and activities of many instances, one a second, the first one the newest. */
export function manyArtifacts(count: number, instances: number): Artifact[] {
  return Array.from({ length: count }, (_, i) => {
    const instance = instanceName((i * 7 + Math.floor(i / instances)) % instances);
    return i % 5 < 2 ? threat(i, instance, `WS-${String(i % 400).padStart(4, '0')}`) : activity(i, instance);
  });
}
