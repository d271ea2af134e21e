# What calls are measured with: an ffmpeg, a film, speech, and a program that scores sound. Sourced; everything is made once, under
# the target folder.
# shellcheck shell=bash

# ffmpeg with libvmaf comes in the first of these Python packages; Debian's has none. The others score sound.
MEDIA_PACKAGES=(imageio-ffmpeg==0.6.0 pesq==0.0.4 "visqol-python[lattice]==3.8.0" soundfile==0.14.0 scipy==1.17.1)
# One person speaking, recorded at 16 kHz. The first ten seconds of it are spoken over and over: scores are of pieces of that length.
SPEECH_PACKAGE=asterisk-core-sounds-en-g722
SPEECH_FILE=demo-congrats.g722

MEDIA=$TARGET/media
VENV=$TOOLS/scores

# prepare_media: sets FFMPEG, CLIP, SPEECH, SILENCE and SOUND_SCORES.
prepare_media() {
  mkdir -p "$MEDIA"
  if ! "$VENV/bin/python" -c 'import imageio_ffmpeg, pesq, visqol, soundfile, scipy, ai_edge_litert' 2>/dev/null; then
    say "installing ffmpeg with VMAF, PESQ and ViSQOL"
    install_packages python3 python3-venv python3-dev build-essential
    [[ -x $VENV/bin/python ]] || python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check "${MEDIA_PACKAGES[@]}"
  fi
  SOUND_SCORES=$VENV/bin/call-sound
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$VENV/bin/python" "$ROOT/script/lib/call_sound.py" >"$SOUND_SCORES"
  chmod +x "$SOUND_SCORES"
  FFMPEG=$("$VENV/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
  CLIP=$MEDIA/clip-1.y4m
  [[ -f $CLIP ]] || make_clip
  SPEECH=$MEDIA/speech-2.wav
  [[ -f $SPEECH ]] || make_speech
  SILENCE=$MEDIA/silence-1.wav
  [[ -f $SILENCE ]] || make_silence
}

# Ten seconds of what a webcam shows, as far as an encoder can tell: a textured background that sways as if held by hand, something
# with sharp edges that moves and turns before it, and the noise of a sensor. The code of each picture is stamped in the call.
make_clip() {
  say "making the film"
  "$FFMPEG" -nostdin -v error -y \
    -f lavfi -i 'mandelbrot=s=1440x810:rate=30:start_x=-0.7453:start_y=0.1127:start_scale=0.02:end_scale=0.016:end_pts=300:maxiter=400' \
    -f lavfi -i 'testsrc2=s=320x240:rate=30' \
    -filter_complex "
      [0]gblur=sigma=1.6,crop=1280:720:x='80+70*sin(2*PI*t/5)':y='45+35*sin(2*PI*t/3.3)'[back];
      [1]rotate=a='0.4*sin(2*PI*t/5)':ow=400:oh=340:c=gray[front];
      [back][front]overlay=x='440+260*sin(2*PI*t/10)':y='230+90*cos(2*PI*t/5)',
      noise=alls=3:allf=t:all_seed=7,format=yuv420p" \
    -frames:v 300 "$CLIP.new.y4m"
  mv "$CLIP.new.y4m" "$CLIP"
}

make_speech() {
  say "making the speech"
  install_packages "$SPEECH_PACKAGE"
  local recording
  recording=$(dpkg-query -L "$SPEECH_PACKAGE" | grep "/$SPEECH_FILE\$" | head -n 1)
  "$FFMPEG" -nostdin -v error -y -f g722 -i "$recording" -t 10 -ar 48000 -ac 1 -c:a pcm_s16le "$SPEECH.new.wav"
  mv "$SPEECH.new.wav" "$SPEECH"
}

# For the second person, who listens: whoever speaks the same at the same time is taken for an echo, and browsers take echoes away.
make_silence() {
  "$FFMPEG" -nostdin -v error -y -f lavfi -i anullsrc=r=48000:cl=mono -t 10 -c:a pcm_s16le "$SILENCE.new.wav"
  mv "$SILENCE.new.wav" "$SILENCE"
}
