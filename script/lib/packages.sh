# What the system must bring, and how to get it. Sourced by script/setup.
# shellcheck shell=bash

# To compile the app. libvpx, ALSA, PulseAudio and V4L carry calls; D-Bus the keyring and notifications; cmake and nasm build
# Opus and libjpeg-turbo; libclang reads C headers for their bindings.
BUILD_PACKAGES=(
  build-essential pkg-config file patchelf cmake nasm libclang-dev ca-certificates
  libwebkit2gtk-4.1-dev libgtk-3-dev librsvg2-dev libayatana-appindicator3-dev libxdo-dev
  libvpx-dev libasound2-dev libpulse-dev libv4l-dev libdbus-1-dev
)
# To see pictures in the window (VP8 in WebCodecs).
RUN_PACKAGES=(gstreamer1.0-plugins-base gstreamer1.0-plugins-good)
# To test sound without a sound card, notifications without a desktop, and calls through a real relay on networks that come and go.
TEST_PACKAGES=(python3 pulseaudio pulseaudio-utils dbus coturn iproute2 openssl)
# To drive real windows without a screen.
WINDOW_PACKAGES=(
  webkit2gtk-driver xvfb xauth dbus dbus-x11 at-spi2-core imagemagick fonts-dejavu-core fonts-noto-cjk libgl1-mesa-dri x11-utils
)
# To test calls with browsers. Debian's: Ubuntu's packages of these names install snaps, which no test can drive.
BROWSER_PACKAGES=(chromium chromium-driver firefox-esr)

# The same, as pkg-config and the PATH know it, for systems without apt.
BUILD_MODULES=(webkit2gtk-4.1 gtk+-3.0 librsvg-2.0 ayatana-appindicator3-0.1 vpx alsa libpulse libv4l2 dbus-1)
BUILD_PROGRAMS=(cc c++ make pkg-config cmake nasm patchelf)
WINDOW_PROGRAMS=(WebKitWebDriver Xvfb xauth dbus-run-session)

is_debian() {
  [[ $(. /etc/os-release 2>/dev/null && printf %s "${ID:-}") == debian ]]
}

# install_packages NAME…: with apt, those that are missing.
install_packages() {
  local missing=() name
  for name in "$@"; do
    # shellcheck disable=SC2016
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null) == ii* ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    have sudo || die "These packages are missing, and there is no sudo to install them with:" "  ${missing[*]}"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
  say "installing ${missing[*]}"
  # Package lists that are absent or too old make the first attempt fail.
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" && return 0
  say "that failed: refreshing the package lists and trying again"
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}

# check_elsewhere WINDOWS(0|1): on other systems, says what is missing and stops.
check_elsewhere() {
  local missing=() name programs=("${BUILD_PROGRAMS[@]}")
  (($1)) && programs+=("${WINDOW_PROGRAMS[@]}")
  for name in "${programs[@]}"; do have "$name" || missing+=("program $name"); done
  if have pkg-config; then
    for name in "${BUILD_MODULES[@]}"; do pkg-config --exists "$name" || missing+=("development files of $name"); done
  fi
  ((${#missing[@]})) || return 0
  printf 'This script installs packages on Debian and Ubuntu only. Missing here:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  die "also needed: libclang, and GStreamer's base and good plugins. On Debian these are:" \
    "  ${BUILD_PACKAGES[*]} ${RUN_PACKAGES[*]}"
}
