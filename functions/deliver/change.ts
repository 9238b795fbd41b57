import { changeStream } from '../health/history.ts';
import type { Change } from '../health/status.ts';
import type { ArtifactJson } from './artifact.ts';

/**
 * A change of state as an artifact of its own, so that a SIEM sees its source fail.
 * @param host undefined if the instance record has no allowed host
 */
export function changeArtifact(change: Change, host: string | undefined): ArtifactJson {
  const { instance, stream, at, from, to, error, remedy } = change;
  const recordId = `${stream}@${at}`;
  const time = at.replace('Z', '000Z');
  const isWell = to === 'ok' || to === 'disabled';
  const said = error === undefined ? '' : `: ${error}${remedy === undefined ? '' : `. ${remedy}`}`;
  const artifact = {
    source: 'sentinelone',
    timestamp: time,
    metadata: {
      id: `${instance}/${changeStream}/${recordId}`,
      instance,
      stream: changeStream,
      recordId,
      connector: 'signal-client.sentinelone',
      senderHost: host,
      streamName: 'sentinelone_mgmt',
      messageType: 'degraded_service',
      severityLabel: isWell ? 'informational' : 'medium',
      severityCode: isWell ? '6' : '4',
      startTimeUTC: time,
      message: `${stream} of ${instance}: ${from} -> ${to}${said}`,
    },
  };
  return {
    head: `${JSON.stringify(artifact).slice(0, -1)},"raw":"`,
    raw: Buffer.from(JSON.stringify(change)),
  };
}
