/** The name of the stack, unless a setting or --stack says another. */
export const defaultStack = 'SentinelOneCollector';
