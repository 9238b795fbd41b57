import https from 'node:https';
import './addresses.ts';

/**
 * The options of every AWS client. The SDK ignores HTTPS_PROXY and NO_PROXY, so this agent applies them if
 * NODE_USE_ENV_PROXY is set.
 */
export const clientConfig = {
  requestHandler: {
    // A call that hangs is retried by the SDK; without a timeout it would block its instance until the run ends.
    connectionTimeout: 5_000,
    requestTimeout: 15_000,
    throwOnRequestTimeout: true,
    httpsAgent: new https.Agent({
      keepAlive: true,
      maxSockets: 100,
      ...(process.env.NODE_USE_ENV_PROXY === '1' && { proxyEnv: process.env }),
    }),
  },
};
