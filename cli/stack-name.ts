/** The default name of the stack. */
export const defaultStack = 'SentinelOneCollector';
