import { describe, expect, it } from 'vitest';
import { agents } from '../../../functions/streams/agents.ts';

describe('an agent', () => {
  it.each([
    [true, 'high'],
    [false, 'informational'],
    ['True', 'high'],
    ['False', 'informational'],
    [1, 'informational'],
    [null, 'informational'],
  ])('whose infected is %j is %s', (infected, severityLabel) => {
    expect(agents.metadata({ infected }).severityLabel).toBe(severityLabel);
  });

  it('is an item of the inventory, as of when it changed', () => {
    expect(
      agents.metadata({ computerName: 'LAPTOP-1', updatedAt: '2026-03-01T12:00:00.257525Z' }),
    ).toMatchObject({
      streamName: 'sentinelone',
      messageType: 'asset_inventory',
      startTimeUTC: '2026-03-01T12:00:00.257525Z',
      clientHostname: 'LAPTOP-1',
    });
  });

  it('is collected whatever its state, beginning with the whole inventory', () => {
    expect(agents.query).toEqual({ isDecommissioned: 'True,False', isUninstalled: 'True,False' });
    expect([agents.wholeInventory, agents.orderedBy, agents.time]).toEqual([
      true,
      'updatedAt',
      ['updatedAt'],
    ]);
  });
});
