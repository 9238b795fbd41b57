import https from 'node:https';
import './addresses.ts';

/**
 * What every AWS client is made with. As Node's own requests do, they go through the proxy of HTTPS_PROXY and
 * NO_PROXY when NODE_USE_ENV_PROXY is set; by themselves they would not.
 */
export const clientConfig = {
  requestHandler: {
    // A call that hangs would hold its instance's place until the run is killed; the SDK tries it again instead.
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
