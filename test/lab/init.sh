#!/bin/busybox sh
# First program of the lab's guest: puts the host's files under /mnt, read-only but for tmpfs on what must be written,
# and serves commands there. A number read from the second serial port runs the script of that name in the shared
# directory; the line with the record separator ends its output and gives its status.
bb=/bin/busybox
$bb mount -t proc proc /proc
while read -r module; do $bb insmod "/modules/$module"; done < /modules/order

share() { $bb mount -t 9p -o "trans=virtio,version=9p2000.L,ro,msize=512000,$3" "$1" "$2"; }
share root /mnt cache=loose
$bb mount -t devtmpfs dev /mnt/dev
$bb mkdir -p /mnt/dev/pts /mnt/dev/shm
$bb mount -t devpts -o mode=0620,ptmxmode=0666 devpts /mnt/dev/pts
$bb mount -t proc proc /mnt/proc
$bb mount -t sysfs sys /mnt/sys
for directory in run tmp var/log; do $bb mount -t tmpfs tmpfs "/mnt/$directory"; done
$bb mkdir -p /mnt/run/kernel /mnt/run/lab
share kernel /mnt/run/kernel cache=loose
share lab /mnt/run/lab cache=none

exec $bb chroot /mnt /bin/sh -c '
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
  exec < /dev/ttyS1 > /dev/ttyS1 2>&1
  stty raw -echo
  ip link set lo up
  printf "\036ready\n"
  while read -r number; do
    sh "/run/lab/command-$number" < /dev/null
    printf "\036%s %s\n" "$number" "$?"
  done
  echo o > /proc/sysrq-trigger
  sleep 60'
