import { describe, expect, it } from 'vitest';
import { threats } from '../../../functions/streams/threats.ts';

const threat = (threatInfo: Record<string, string | null>) => threats.metadata({ threatInfo });

describe('a threat', () => {
  const classifications: [classification: string, messageType: string][] = [
    ['Ransomware', 'ransomware_encryption'],
    ['Exploit', 'exploit_attempt'],
    ...[
      'Malware',
      'Trojan',
      'Virus',
      'Worm',
      'Rootkit',
      'Backdoor',
      'Downloader',
      'Infostealer',
      'Hacktool',
      'Spyware',
      'Packed',
    ].map((name): [string, string] => [name, 'malicious_software']),
    ['PUA', 'policy_violation'],
    ['Adware', 'policy_violation'],
    ['TROJAN', 'malicious_software'],
    ['Cryptominer of tomorrow', 'threat_event'],
    ['', 'threat_event'],
    ['constructor', 'threat_event'],
    ['__proto__', 'threat_event'],
  ];
  it.each(classifications)('classified %j is %s', (classification, messageType) => {
    expect(threat({ classification }).messageType).toBe(messageType);
  });

  it.each([
    ['malicious', 'high'],
    ['Malicious', 'high'],
    ['suspicious', 'medium'],
    ['n/a', 'low'],
    ['toString', 'low'],
    [null, 'low'],
  ])('of confidence %j is %s', (confidenceLevel, severity) => {
    expect(threat({ confidenceLevel }).severityLabel).toBe(severity);
  });

  it('begins when it was created, on the host of its agent', () => {
    const made = threats.metadata({
      threatInfo: { createdAt: '2026-03-01T12:00:00.257525Z', updatedAt: '2026-03-01T13:00:00Z' },
      agentRealtimeInfo: { agentComputerName: 'LAPTOP-1' },
      createdAt: 'not here',
    });
    expect(made).toMatchObject({
      streamName: 'sentinelone',
      startTimeUTC: '2026-03-01T12:00:00.257525Z',
      clientHostname: 'LAPTOP-1',
    });
  });

  it('leaves out what it does not have', () => {
    expect(threats.metadata({ agentRealtimeInfo: { agentComputerName: '' } })).not.toHaveProperty(
      'clientHostname',
    );
    expect(threats.metadata({})).not.toHaveProperty('startTimeUTC');
  });

  it('is caught at every change, and has its times inside threatInfo', () => {
    expect([threats.orderedBy, threats.time, threats.wholeInventory]).toEqual([
      'updatedAt',
      ['threatInfo', 'updatedAt'],
      false,
    ]);
  });
});
