/**
 * What every poller's Node is started with. Lambda's own choice for young objects, 5 % of the memory, lets the process of a
 * long catch-up grow by half for a twentieth of its time.
 */
export const nodeOptions = '--max-semi-space-size=4';
