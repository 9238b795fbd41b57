import type {
  Answer,
  Claim,
  CursorItem,
  Outcome,
  PageRequest,
  Ports,
  Save,
  SentinelOne,
} from '../../../functions/core/ports.ts';
import { VirtualClock } from '../../fakes/clock.ts';
import { FakeCursors } from '../../fakes/cursors.ts';
import { FakeQueue } from '../../fakes/queue.ts';
import { FakeInstances, FakeOverflow, FakeSecrets, FakeShards } from '../../fakes/stores.ts';
import { readMessage } from '../../support/schema.ts';
import { at } from './given.ts';

export const noon = Date.UTC(2026, 2, 1, 12);

/** What a console says to one request. */
export type Says = (request: PageRequest) => Answer | Error | Promise<Answer>;

/** A request, and when it was made. */
interface Asked extends PageRequest {
  readonly at: number;
}

/** The text of a page of records by id, each `seconds` after noon. */
export function pageText(records: Readonly<Record<string, number>>, next?: string): string {
  const data = Object.entries(records).map(([id, seconds]) => ({ id, updatedAt: at(seconds) }));
  return JSON.stringify({ data, pagination: { nextCursor: next ?? null } });
}

/** The cursors table, with what was asked of it in order. */
class WatchedCursors extends FakeCursors {
  readonly claims: { readonly claim: Claim; readonly now: number; readonly until: number }[] = [];
  readonly saves: { readonly claim: Claim; readonly save: Save }[] = [];
  /** Called before each. */
  beforeClaim: (claim: Claim) => void = () => {};
  beforeSave: (claim: Claim, save: Save) => void = () => {};

  override async claim(claim: Claim, now: number, until: number): Promise<CursorItem | undefined> {
    this.claims.push({ claim: { ...claim }, now, until });
    this.beforeClaim(claim);
    return super.claim(claim, now, until);
  }

  override async save(claim: Claim, save: Save): Promise<void> {
    this.saves.push({ claim: { ...claim }, save: structuredClone(save) });
    this.beforeSave(claim, save);
    return super.save(claim, save);
  }
}

/** Consoles that say what they are told to, and all that a run needs around them, at noon. */
export function scene(random = () => 0) {
  const clock = new VirtualClock(noon, random);
  const asked: Asked[] = [];
  /** By host. */
  const consoles = new Map<string, Says>();
  const outcomes: Outcome[] = [];
  const sentinelone: SentinelOne = {
    get: async (request) => {
      asked.push({ ...request, at: clock.now() });
      const answer = await consoles.get(request.host)?.(request);
      if (answer instanceof Error) throw answer;
      if (answer === undefined) throw new Error(`nobody answers for ${request.host}`);
      return answer;
    },
    expiry: async () => undefined,
  };
  const cursors = new WatchedCursors();
  const instances = new FakeInstances();
  const secrets = new FakeSecrets();
  const queue = new FakeQueue();
  const shards = new FakeShards();
  const ports: Ports = {
    sentinelone,
    instances,
    cursors,
    secrets,
    queue,
    overflow: new FakeOverflow(),
    shards,
    clock,
    report: (outcome) => outcomes.push(outcome),
  };
  const answer = (body: string, more: Partial<Answer> = {}): Answer => ({
    body,
    bytes: body.length,
    tookMs: 0,
    dateMs: clock.now(),
    ...more,
  });
  return {
    clock,
    asked,
    consoles,
    outcomes,
    cursors,
    instances,
    secrets,
    queue,
    shards,
    ports,
    answer,
    /** A listing of so many pages of one record each, an hour old: `name0`, `name1` … */
    book:
      (count: number, name = 'r'): Says =>
      ({ query }) => {
        const i = Number(query.cursor ?? 0);
        return answer(pageText({ [`${name}${i}`]: i - 3600 }, i + 1 < count ? String(i + 1) : undefined));
      },
    /** The ids of the records in the queue, oldest first. */
    delivered: (): string[] =>
      queue.bodies.flatMap((body) => readMessage(body).map(({ metadata }) => metadata.recordId)),
  };
}
