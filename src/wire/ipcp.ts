/** IPCP's options (RFC 1332 §3, RFC 1877 §1). */

export const ipcpOption = {
  /** Deprecated (RFC 1332 §3.1). */
  addresses: 1,
  compression: 2,
  address: 3,
  primaryDns: 129,
  primaryNbns: 130,
  secondaryDns: 131,
  secondaryNbns: 132,
} as const;
