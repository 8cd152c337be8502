/**
 * Layouts of the C structs that system calls read and write, on 64-bit little-endian Linux (x86-64, arm64): byte offsets,
 * and `size`. Each stands next to the declaration it comes from.
 */

/**
 * struct iovec {
 *   void   *iov_base;        // 8
 *   size_t  iov_len;         // 8
 * };
 */
export const iovec = { base: 0, length: 8, size: 16 } as const;

/**
 * struct mmsghdr {
 *   struct msghdr {
 *     void         *msg_name;        // 8
 *     socklen_t     msg_namelen;     // 4, then 4 of padding
 *     struct iovec *msg_iov;         // 8
 *     size_t        msg_iovlen;      // 8
 *     void         *msg_control;     // 8
 *     size_t        msg_controllen;  // 8
 *     int           msg_flags;       // 4, then 4 of padding
 *   } msg_hdr;
 *   unsigned int msg_len;            // 4, then 4 of padding
 * };
 */
export const mmsghdr = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  length: 56,
  size: 64,
} as const;

/**
 * struct cmsghdr {
 *   size_t cmsg_len;         // 8: with this header, without padding at the end
 *   int    cmsg_level;       // 4
 *   int    cmsg_type;        // 4
 * };                         // data follows, padded to 8
 */
export const cmsghdr = { length: 0, level: 8, type: 12, size: 16 } as const;

/** CMSG_SPACE: what a control message with `length` bytes of data takes up. */
export const controlSpace = (length: number): number => cmsghdr.size + ((length + 7) & ~7);

/**
 * struct sockaddr_in {                    struct sockaddr_in6 {
 *   sa_family_t    sin_family;  // 2        sa_family_t     sin6_family;    // 2
 *   in_port_t      sin_port;    // 2 BE     in_port_t       sin6_port;      // 2 BE
 *   struct in_addr sin_addr;    // 4        uint32_t        sin6_flowinfo;  // 4
 *   unsigned char  zero[8];     // 8        struct in6_addr sin6_addr;      // 16
 * };                                        uint32_t        sin6_scope_id;  // 4
 *                                         };
 */
export const sockaddrUn = { family: 0, path: 2, size: 110 } as const;
export const sockaddrIn = { family: 0, port: 2, address: 4, size: 16 } as const;
export const sockaddrIn6 = { family: 0, port: 2, flowInfo: 4, address: 8, scopeId: 24, size: 28 } as const;

/**
 * struct in_pktinfo {                     struct in6_pktinfo {
 *   int            ipi_ifindex;   // 4      struct in6_addr ipi6_addr;     // 16
 *   struct in_addr ipi_spec_dst;  // 4      unsigned int    ipi6_ifindex;  // 4
 *   struct in_addr ipi_addr;      // 4    };
 * };
 */
export const inPktinfo = { ifindex: 0, specDst: 4, address: 8, size: 12 } as const;
export const in6Pktinfo = { address: 0, ifindex: 16, size: 20 } as const;

/**
 * struct pollfd {
 *   int   fd;       // 4
 *   short events;   // 2
 *   short revents;  // 2
 * };
 */
export const pollfd = { fd: 0, events: 4, revents: 6, size: 8 } as const;

/**
 * struct timespec {
 *   time_t tv_sec;   // 8
 *   long   tv_nsec;  // 8
 * };
 */
export const timespec = { seconds: 0, nanoseconds: 8, size: 16 } as const;

/**
 * struct ifreq {
 *   char ifr_name[IFNAMSIZ];   // 16, with a zero at its end
 *   union {
 *     short ifr_flags;         // 2
 *     int   ifr_ifindex;       // 4
 *   };                         // 24
 * };
 */
export const ifreq = { name: 0, flags: 16, index: 16, nameSize: 16, size: 40 } as const;

/**
 * struct virtio_net_hdr_mrg_rxbuf {         // <linux/virtio_net.h>, little-endian
 *   __u8  flags;           // 1: VIRTIO_NET_HDR_F_*
 *   __u8  gso_type;        // 1: VIRTIO_NET_HDR_GSO_*
 *   __u16 hdr_len;         // 2: bytes of headers before the payload that is cut
 *   __u16 gso_size;        // 2: bytes of payload in each segment
 *   __u16 csum_start;      // 2: where the sum begins, from the start of the packet
 *   __u16 csum_offset;     // 2: where it is stored, from csum_start
 *   __u16 num_buffers;     // 2: only in the 12-byte form, which keeps the packet aligned to 4
 * };
 */
export const virtioNetHdr = {
  flags: 0,
  gsoType: 1,
  headerLength: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
  buffers: 10,
  size: 10,
  sizeWithBuffers: 12,
} as const;

/** Constants of <sys/socket.h>, <netinet/in.h>, <netinet/udp.h>, <poll.h>, <sys/eventfd.h>, <sys/mman.h>, <sched.h>,
 *  <fcntl.h>, <linux/if_tun.h>, <linux/netlink.h>, <linux/sockios.h>, <linux/virtio_net.h>. */
export const c = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_IP: 0,
  SOL_SOCKET: 1,
  SOL_UDP: 17,
  SOL_IPV6: 41,
  SO_REUSEADDR: 2,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_REUSEPORT: 15,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  IP_PKTINFO: 8,
  IPV6_V6ONLY: 26,
  IPV6_RECVPKTINFO: 49,
  IPV6_PKTINFO: 50,
  UDP_SEGMENT: 103,
  UDP_GRO: 104,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  POLLIN: 1,
  POLLOUT: 4,
  EFD_NONBLOCK: 0o4000,
  EFD_CLOEXEC: 0o2000000,
  PR_SET_NAME: 15,
  CLONE_NEWNET: 0x40000000,
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MAP_FIXED: 0x10,
  MADV_HUGEPAGE: 14,
  NETLINK_ROUTE: 0,
  SOL_NETLINK: 270,
  NETLINK_CAP_ACK: 10,
  NETLINK_EXT_ACK: 11,
  NETLINK_GET_STRICT_CHK: 12,
  O_RDWR: 2,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  SIOCGIFINDEX: 0x8933,
  TUNSETIFF: 0x4004_54ca,
  TUNSETOFFLOAD: 0x4004_54d0,
  TUNSETVNETHDRSZ: 0x4004_54d8,
  IFF_TUN: 0x0001,
  IFF_MULTI_QUEUE: 0x0100,
  IFF_NO_PI: 0x1000,
  IFF_VNET_HDR: 0x4000,
  IFF_TUN_EXCL: 0x8000,
  TUN_F_CSUM: 0x01,
  TUN_F_TSO4: 0x02,
  TUN_F_TSO6: 0x04,
  TUN_F_TSO_ECN: 0x08,
  TUN_F_USO4: 0x20,
  TUN_F_USO6: 0x40,
  VIRTIO_NET_HDR_F_NEEDS_CSUM: 1,
  VIRTIO_NET_HDR_F_DATA_VALID: 2,
  VIRTIO_NET_HDR_GSO_NONE: 0,
  VIRTIO_NET_HDR_GSO_TCPV4: 1,
  VIRTIO_NET_HDR_GSO_TCPV6: 4,
  VIRTIO_NET_HDR_GSO_UDP_L4: 5,
  VIRTIO_NET_HDR_GSO_ECN: 0x80,
} as const;
