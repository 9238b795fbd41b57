import { describe, expect, it } from 'vitest';
import { readPage } from '../../../functions/console/page.ts';
import { readRecord } from '../../../functions/console/record.ts';
import { artifactOf } from '../../../functions/deliver/artifact.ts';
import { packMessages } from '../../../functions/deliver/packing.ts';
import { activities } from '../../../functions/streams/activities.ts';
import { agents } from '../../../functions/streams/agents.ts';
import { alerts } from '../../../functions/streams/alerts.ts';
import { ruleAlerts } from '../../../functions/streams/rule-alerts.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { threats } from '../../../functions/streams/threats.ts';
import { instance } from '../../fixtures/given.ts';
import { goldenRecords } from '../../fixtures/records.ts';
import { bodyOf } from '../../support/artifacts.ts';
import { type ReceivedArtifact, readMessage } from '../../support/schema.ts';

/** What a consumer reads of the records of one page. */
function received(texts: readonly string[], stream: Stream): ReceivedArtifact[] {
  const { records } = readPage(
    Buffer.from(`{"data":[${texts.join(',\n')}],"pagination":{"nextCursor":null}}`),
    1000,
  );
  const packed = records.map((record) => artifactOf(readRecord(record, stream), stream, instance));
  return [...packMessages(packed, 250 * 1024, [])].flatMap((message) => readMessage(bodyOf(message)));
}

const everywhere = ['id', 'instance', 'stream', 'recordId', 'connector', 'senderHost'];
const named = ['siteName', 'accountName', 'groupName'];
const ofHost = ['clientHostname', 'clientIP', 'clientIPs', 'clientMAC', 'clientMACs', 'externalIP'];
const ofAgent = ['osName', 'agentVersion', 'agentId', 'agentUuid', 'loggedInUser', 'userName'];
const ofFile = ['fileName', 'filePath', 'fileHash', 'fileHashes', 'program', 'commandLine', 'signer'];
const ofFinding = [
  'storyline',
  'containerName',
  'containerImage',
  'ruleName',
  'ruleCategory',
  'analystVerdict',
];

/** What each stream's records are found by: those that every record has, and those that are absent without a value. */
const streams: [stream: Stream, always: string[], sometimes: string[]][] = [
  [
    threats,
    ['streamName', 'messageType', 'endTimeUTC', 'severityLabel', 'severityCode', 'threatId', 'message'],
    [
      ...['startTimeUTC', 'domain', 'action', 'attackTechniqueIds', 'cloudInstanceId', 'tags'],
      ...[...ofHost, ...ofAgent, ...ofFile, ...ofFinding, ...named],
    ],
  ],
  [
    activities,
    ['streamName', 'messageType', 'severityLabel', 'severityCode'],
    [
      ...[
        'startTimeUTC',
        'vendorCode',
        'activityTypeName',
        'activityFamily',
        'message',
        'action',
        'attackTechniqueIds',
      ],
      ...['serverIP', 'serverPort', 'clientPort', 'protocol', 'fqdn', 'pid', 'targetUserName'],
      ...['threatId', 'alertId', 'deviceName', 'deviceId', 'deviceSerial', 'deviceInterface'],
      ...[...ofHost, ...ofAgent, ...ofFile, ...ofFinding, ...named],
    ],
  ],
  [
    agents,
    ['streamName', 'messageType', 'startTimeUTC', 'severityLabel', 'severityCode', 'agentId', 'message'],
    [
      ...['endTimeUTC', 'lastActiveTimeUTC', 'domain', 'cloudInstanceId', 'tags'],
      ...[...ofHost, ...ofAgent.filter((field) => field !== 'agentId'), ...named],
    ],
  ],
  [
    alerts,
    ['streamName', 'messageType', 'severityLabel', 'severityCode', 'alertId', 'message'],
    [
      ...[
        'startTimeUTC',
        'endTimeUTC',
        'clientHostname',
        'clientIP',
        'clientIPs',
        'serverIP',
        'domain',
        'action',
      ],
      ...['userName', 'loggedInUser', 'osName', 'agentVersion', 'agentUuid', 'threatId', 'detectionProduct'],
      ...['storyline', 'ruleName', 'ruleCategory', 'analystVerdict', 'tags', ...ofFile, ...named],
    ],
  ],
  [
    ruleAlerts,
    ['streamName', 'messageType', 'severityLabel', 'severityCode', 'alertId', 'message'],
    [
      ...['startTimeUTC', 'endTimeUTC', 'clientHostname', 'clientIP', 'clientIPs', 'serverIP', 'serverPort'],
      ...['fqdn', 'pid', 'userName', 'osName', 'agentVersion', 'agentUuid', 'attackTechniqueIds', 'tags'],
      ...[...ofFile.filter((field) => field !== 'signer'), ...ofFinding, ...named],
    ],
  ],
];

describe.each(streams.map((row) => [row[0].name, ...row] as const))(
  'of %s',
  (_, stream, always, sometimes) => {
    const golden = goldenRecords(stream.name);

    it.each(golden)('$name is found by what was written down for it', ({ text, metadata }) => {
      const [artifact, ...others] = received([text], stream);
      expect(others).toEqual([]);
      expect(artifact?.metadata).toEqual(metadata);
      expect(artifact?.raw).toBe(text);
      expect(artifact?.timestamp).toBe(metadata.startTimeUTC);
    });

    it('all come of one page, in order', () => {
      const artifacts = received(
        golden.map(({ text }) => text),
        stream,
      );
      expect(artifacts.map(({ metadata }) => metadata)).toEqual(golden.map(({ metadata }) => metadata));
    });

    it('what was written down has every field, and lacks every field that may be absent', () => {
      const fields = golden.map(({ metadata }) => new Set(Object.keys(metadata)));
      for (const field of [...everywhere, ...always]) {
        expect(
          fields.every((has) => has.has(field)),
          field,
        ).toBe(true);
      }
      for (const field of sometimes) {
        expect(
          fields.some((has) => has.has(field)),
          field,
        ).toBe(true);
        expect(
          fields.some((has) => !has.has(field)),
          field,
        ).toBe(true);
      }
      const known = new Set([...everywhere, ...always, ...sometimes]);
      expect([...new Set(fields.flatMap((has) => [...has]))].filter((field) => !known.has(field))).toEqual(
        [],
      );
    });
  },
);
