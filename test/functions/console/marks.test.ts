import { expect, it } from 'vitest';
import { addMarks, noMarks } from '../../../functions/console/marks.ts';
import { record } from '../../fixtures/given.ts';

const sound = record('1', undefined);
const malformed = { ...record('2', undefined), malformed: true };
const notUtf8 = { ...record('3', undefined), isUtf8: false };

it('counts marked records, and keeps five of their ids at most', () => {
  expect(addMarks(noMarks, [sound])).toBe(noMarks);
  const one = addMarks(noMarks, [malformed, sound, notUtf8]);
  expect(one).toEqual({ malformed: 1, notUtf8: 1, recordIds: ['2', '3'] });
  const both = { ...malformed, isUtf8: false };
  expect(addMarks(one, [both, both, both, both])).toEqual({
    malformed: 5,
    notUtf8: 5,
    recordIds: ['2', '3', '2', '2', '2'],
  });
});
