#!/bin/sh
# Makes the root file system of an image without a distribution in it: programs, and what they cannot do without.
#   tools/rootfs.sh FOLDER PROGRAM...
# FOLDER/root becomes /: bin has the programs, stripped; the libraries that `ldd` names are where the loader looks for
# them; etc has a user persistbus (10001), the certificates that TLS connections are checked by, and an order for looking
# up host names. FOLDER/data, empty, is for /data, which the image gives to that user. An existing FOLDER is replaced.
set -eu

folder=${1:?usage: tools/rootfs.sh FOLDER PROGRAM...}
shift
[ $# -gt 0 ] || { echo "rootfs: name a program" >&2; exit 2; }
certificates=/etc/ssl/certs/ca-certificates.crt
[ -f $certificates ] || { echo "rootfs: $certificates is not there: install ca-certificates" >&2; exit 1; }

rm -rf "$folder"
root=$folder/root
mkdir -p "$root/bin" "$root/etc/ssl/certs" "$root/tmp" "$folder/data"
chmod 1777 "$root/tmp"

# ldd's lines: "NAME => /path (0x...)", "/path/of/the/loader (0x...)", "linux-vdso.so.1 (0x...)", "NAME => not found".
libraries() {
    ldd "$1" | awk '/not found/ { print "rootfs: " $1 " is not found" > "/dev/stderr"; bad = 1 }
        $2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 } END { exit bad }'
}

for program in "$@"; do
    [ -x "$program" ] || { echo "rootfs: $program is not there: run make first" >&2; exit 1; }
    strip -o "$root/bin/$(basename "$program")" "$program"
    list=$(libraries "$program")
    for library in $list; do
        target=$root$(dirname "$library")
        mkdir -p "$target"
        [ -e "$target/$(basename "$library")" ] || cp -L "$library" "$target/"
    done
done

cp -L $certificates "$root/etc/ssl/certs/"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/nonexistent\npersistbus:x:10001:10001:persistbus:/data:/nonexistent\n' > "$root/etc/passwd"
printf 'root:x:0:\npersistbus:x:10001:\n' > "$root/etc/group"
