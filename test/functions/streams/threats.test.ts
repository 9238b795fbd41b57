import { describe, expect, it } from 'vitest';
import { threats } from '../../../functions/streams/threats.ts';
import { messageTypes } from '../../support/schema.ts';

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
    ['Linux.Malware', 'malicious_software'],
    ['Trojan, Ransomware', 'ransomware_encryption'],
    ['Malwarelike', 'threat_event'],
    ['Cryptominer of tomorrow', 'threat_event'],
    ['', 'threat_event'],
    ['constructor', 'threat_event'],
    ['__proto__', 'threat_event'],
  ];
  it.each(classifications)('classified %j is %s', (classification, messageType) => {
    expect(threat({ classification }).messageType).toBe(messageType);
    expect(messageTypes).toContain(messageType);
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
    expect(threats.metadata({ agentRealtimeInfo: { agentComputerName: '' } }).clientHostname).toBeUndefined();
    expect(threats.metadata({}).startTimeUTC).toBeUndefined();
  });

  it.each([
    ['mitigated', 'block'],
    ['Blocked', 'block'],
    ['not_mitigated', 'not_mitigated'],
    ['marked_as_benign', 'marked_as_benign'],
    ['toString', 'toString'],
    ['', undefined],
    [null, undefined],
  ])('whose mitigation status is %j has the action %j', (mitigationStatus, action) => {
    expect(threat({ mitigationStatus }).action).toBe(action);
  });

  it.each([
    ['T1059', null, ['T1059']],
    ['T1059.001 PowerShell', null, ['T1059.001']],
    ['PowerShell', 'https://attack.mitre.org/techniques/T1059/001/', ['T1059.001']],
    ['T1059', 'https://attack.mitre.org/techniques/T1059/', ['T1059']],
    ['T1003, T1005', null, ['T1003', 'T1005']],
    ['T10591', 'AT1059', undefined],
    ['', 7, undefined],
  ])('with a technique named %j and linked to %j names %j', (name, link, ids) => {
    const indicators = [{ tactics: [{ techniques: [{ name, link }] }] }];
    expect(threats.metadata({ indicators }).attackTechniqueIds).toEqual(ids);
  });

  it.each([
    [{}, 'A threat was found.'],
    [{ threatName: 'a.exe' }, 'a.exe was found.'],
    [{ classification: 'Worm' }, 'A threat (Worm) was found.'],
    [{ confidenceLevel: 'suspicious', processUser: 'ann' }, 'A threat (suspicious) was found, user ann.'],
    [{ threatName: 'a.exe', mitigationStatus: 'not_mitigated' }, 'a.exe was found: not mitigated.'],
  ])('of %j is told in a sentence: %s', (threatInfo, message) => {
    expect(threat(threatInfo).message).toBe(message);
  });

  it('is caught at every change, and has its times inside threatInfo', () => {
    expect([threats.orderedBy, threats.time, threats.wholeInventory]).toEqual([
      'updatedAt',
      ['threatInfo', 'updatedAt'],
      false,
    ]);
  });
});
