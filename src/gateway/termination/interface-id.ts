/** Our interface identifier on every link: the router is fe80::1. */
export const ourInterfaceId = "0000000000000001";
