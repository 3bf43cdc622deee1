#!/bin/bash
# Builds the images of the services, as their module.json names them.
#   tools/images.sh BIN      BIN: the folder of the programs, build/bin; persistctl reads module.json
# Variables:
#   PLATFORM                 amd64, arm32v7 or arm64v8; this machine's unless it is set
#   MODULES                  "core-data persist-sqlite": just these
#   BASE=scratch             instead of compiling in a container: this machine's programs and libraries. For where no
#                            base image can be had; the image is made by the same last stage of the same Dockerfile
#   CONTAINER_REGISTRY_ADDRESS   from the environment or .env; localhost if neither has it
# Uses buildah, else docker. STORAGE_DRIVER=vfs and BUILDAH_ISOLATION=chroot let buildah run inside a container.
set -euo pipefail

bin=${1:?usage: tools/images.sh BIN}
cd "$(dirname "$(realpath "$0")")/.."
[ -x "$bin/persistctl" ] || { echo "images: $bin/persistctl is not there: run make first" >&2; exit 1; }

case $(uname -m) in
x86_64) own=amd64 ;;
aarch64) own=arm64v8 ;;
armv7l) own=arm32v7 ;;
*) own=$(uname -m) ;;
esac
platform=${PLATFORM:-$own}
base=${BASE:-debian}
case $base in
debian | scratch) ;;
*) echo "images: BASE is '$base': use debian or scratch" >&2; exit 2 ;;
esac
if [ "$base" = scratch ] && [ "${platform%%.*}" != "$own" ]; then
    echo "images: BASE=scratch takes this machine's programs, which are for $own, not for $platform" >&2
    exit 2
fi

if command -v buildah >/dev/null; then
    builder="buildah bud --format docker" # HEALTHCHECK is in no other format
elif command -v docker >/dev/null; then
    builder="docker build"
else
    echo "images: neither buildah nor docker is installed" >&2
    exit 1
fi
grep -qs '^ *\(export \)\? *CONTAINER_REGISTRY_ADDRESS *=' .env ||
    export CONTAINER_REGISTRY_ADDRESS=${CONTAINER_REGISTRY_ADDRESS:-localhost}

scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT

# The context of BASE=scratch: the files that the build stage would have made, and the last stage of the Dockerfile.
prepare() {
    scratch=$(mktemp -d)
    tools/rootfs.sh "$scratch/rootfs" "$bin/$1" "$bin/persistctl"
    sed -n '/^FROM .*scratch/,$ { s|--from=build ||; s| /rootfs/| rootfs/|; p }' "$dockerfile" >"$scratch/Dockerfile"
    dockerfile=$scratch/Dockerfile context=$scratch
}

build() {
    local image='' dockerfile='' context='' options=() description word value
    description=$("$bin/persistctl" image "services/$1" -p "$platform") || return 1
    while read -r word value; do
        case $word in
        image) image=$value ;;
        dockerfile) dockerfile=$value ;;
        context) context=$value ;;
        option) options+=("$value") ;;
        esac
    done <<<"$description"
    [ "$base" = debian ] || prepare "$1"
    $builder "${options[@]}" -t "$image" -f "$dockerfile" "$context"
    [ -z "$scratch" ] || rm -rf "$scratch"
    scratch=
    echo "images: $image is built"
}

modules=${MODULES:-$(cd services && for file in */module.json; do dirname "$file"; done)}
for module in $modules; do
    build "$module"
done
