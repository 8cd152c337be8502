/* Empty: glibc asks for it when __x86_64__ is not defined, as with -target bpf. */
