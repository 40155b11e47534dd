#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks that the plug-in works in a stock GIMP: a Debian 13 root with nothing but the package
# gimp and what it depends on, without this checkout, gets what `./dev install` puts into a user's
# profile; GIMP there must register the procedure under Filters > Somnium, and dream.
# Speaks TAP. Needs root and the package mirror; not part of `./dev test`.
#
#   tests/dev/clean-install.sh [FOLDER]   FOLDER is kept if named, and used again
# shellcheck disable=SC2317 # functions are called by name
set -euo pipefail

checkout=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/../..")
root=${1:-}
profile_inside=/home/user/.config/GIMP/3.0
count=0
failed=0

check() {
  local name=$1
  shift
  count=$((count + 1))
  if "$@"; then
    echo "ok $count - $name"
  else
    echo "not ok $count - $name"
    failed=1
  fi
}

make_root() {
  if [[ -z $root ]]; then
    root=$(mktemp -d --tmpdir=/var/tmp somnium-clean.XXXXXX)
    trap 'rm -rf --one-file-system -- "$root"' EXIT
  fi
  [[ -x $root/usr/bin/gimp ]] || "$checkout/dev" __bootstrap "$root" gimp
  mkdir -p -- "$root/home/user"
}

# As a user does; the folder is the root's home folder seen from outside.
install_plug_in() {
  env -u GIMP3_DIRECTORY XDG_CONFIG_HOME="$root/home/user/.config" "$checkout/dev" install
}

# Runs Script-Fu in the root's GIMP, with /proc and /dev but nothing of the checkout.
# shellcheck disable=SC2016
in_gimp() {
  unshare --mount --propagation private -- sh -c '
    mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" &&
    exec chroot "$1" env -i HOME=/home/user PATH=/usr/bin:/bin LC_ALL=C.UTF-8 gimp-console \
      --no-interface --batch-interpreter=plug-in-script-fu-eval --batch="$2" --quit' sh "$root" "$1" 2>&1
}

lists_plug_in() { grep -q "$1" -- "$root$profile_inside/pluginrc"; }

libraries_found() {
  ! chroot "$root" ldd "$profile_inside/plug-ins/somnium/somnium" | grep 'not found'
}

dreams() {
  in_gimp '(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "/usr/share/gimp/3.0/images/gimp-logo.png"))))
    (plug-in-somnium-deepdream #:run-mode RUN-NONINTERACTIVE #:image image
      #:drawables (car (gimp-image-get-layers image)) #:iterations 1)
    (gimp-file-save RUN-NONINTERACTIVE image "/home/user/dream.png" -1))' | sed 's/^/# /'
  echo
  [[ -s $root/home/user/dream.png ]]
}

make_root
rm -rf -- "$root/home/user/dream.png" "$root$profile_inside"
check "the checkout is not there" test ! -e "$root$checkout/dev"
check "./dev install" install_plug_in
check "every library is found" libraries_found
in_gimp '(gimp-message "started")' | sed 's/^/# /'
check "the procedure is registered" lists_plug_in '"plug-in-somnium-deepdream"'
check "it is under Filters > Somnium" lists_plug_in '<Image>/Filters/Somnium'
check "it dreams" dreams
echo "1..$count"
exit "$failed"
