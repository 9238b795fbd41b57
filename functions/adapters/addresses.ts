import net from 'node:net';

/**
 * Of a host's addresses, IPv4 and IPv6, each is given this long before the next is tried. Node's own 250 ms are too
 * short for another continent: an IPv4 address that answers later is given up for an IPv6 address that leads nowhere.
 */
const attemptMs = 2_500;

// Holds for every connection of the process that is made after this module is loaded.
net.setDefaultAutoSelectFamilyAttemptTimeout(attemptMs);
