#!/usr/bin/env bash
# Makes sure that system programs are there, then runs a command.
#
#   with-system-packages.sh ffmpeg postgresql -- npm run check
#
# What is missing is installed from Debian's packages when that is permitted (root, or sudo without a password) and
# EARSHOT_NO_INSTALL is not 1. `ffmpeg` must be there in the end; `postgresql` may stay missing, and the tests that
# need it then skip and say so.
set -euo pipefail

wanted=()
while [ $# -gt 0 ] && [ "$1" != "--" ]; do wanted+=("$1"); shift; done
[ "${1:-}" = "--" ] && shift

present() {
  case "$1" in
    ffmpeg) command -v ffmpeg >/dev/null 2>&1 && command -v ffprobe >/dev/null 2>&1 ;;
    postgresql) command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing=()
for package in "${wanted[@]}"; do present "$package" || missing+=("$package"); done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Missing: ${missing[*]}." >&2
  as_root=""
  permitted=no
  if command -v apt-get >/dev/null 2>&1 && [ "${EARSHOT_NO_INSTALL:-}" != "1" ]; then
    if [ "$(id -u)" = 0 ]; then permitted=yes
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then permitted=yes; as_root="sudo"; fi
  fi
  if [ "$permitted" = yes ]; then
    echo "Installing from Debian's packages: ${missing[*]}" >&2
    $as_root apt-get update -qq >&2 || true
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 || true
  fi
  for package in "${missing[@]}"; do
    present "$package" && continue
    cat >&2 <<HELP
$package is still missing. Install it with one of:
  Debian, Ubuntu:  sudo apt-get install $package
  macOS:           brew install $package
  Windows:         winget install $([ "$package" = ffmpeg ] && echo Gyan.FFmpeg || echo PostgreSQL.PostgreSQL)
HELP
    # Only ffmpeg is needed to run; the PostgreSQL tests skip where there is none.
    [ "$package" = ffmpeg ] && exit 1
  done
fi

exec "$@"
