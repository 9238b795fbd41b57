import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { forwarderKey, type Status } from '../../health/status.ts';
import { ownClient, updateOf } from './client.ts';
import { statusAttributes } from './cursors.ts';

export function forwarderStatus(TableName: string) {
  return {
    async write(status: Partial<Status>): Promise<void> {
      // A new Lambda environment does not know when the last success was, so it keeps `lastSuccessAt`.
      const gone = statusAttributes.filter((name) => !(name in status) && name !== 'lastSuccessAt');
      const { values, ...update } = updateOf(status, gone);
      await ownClient.send(
        new UpdateCommand({ TableName, Key: forwarderKey, ...update, ExpressionAttributeValues: values }),
      );
    },
  };
}
