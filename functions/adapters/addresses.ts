import net from 'node:net';

/**
 * How long Node tries each address of a host, IPv4 or IPv6, before it tries the next. The default of 250 ms is too
 * short for a host on another continent: Node gives up a slow IPv4 address for an unreachable IPv6 address.
 */
const attemptMs = 2_500;

// Applies to all connections of the process that are opened after this.
net.setDefaultAutoSelectFamilyAttemptTimeout(attemptMs);
