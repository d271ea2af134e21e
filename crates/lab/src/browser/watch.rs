//! What a page shows and plays: codes read off its `<video>` elements, pictures that change, and the sound of a voice.
//!
//! Pictures are looked at as the browser presents them (`requestVideoFrameCallback`), each once: neither on a timer, which sees some
//! twice and some not at all, nor on screenshots.

use crate::call::gate::Sighting;
use crate::windows::{SAMPLER, Window, decode, geometry};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Keeps `[milliseconds since 1970, hex]` of each new code on a video, and looks for the element again when it was replaced.
const WATCH: &str = r#"
const [selector, ...geometry] = arguments
const sample = makeSampler(...geometry)
const watch = { seen: [], last: '', frames: 0, error: null, stop: false }
;(window.__snugWatches ??= {})[selector] = watch
let video = null
const look = (now) => {
  if (watch.stop || !video) return
  watch.frames += 1
  try {
    const hex = video.videoWidth ? sample(video, video.videoWidth) : null
    if (hex !== null && hex !== watch.last && watch.seen.length < 20000)
      watch.seen.push([performance.timeOrigin + now, hex])
    if (hex !== null) watch.last = hex
  } catch (error) {
    watch.error = String(error)
  }
  video.requestVideoFrameCallback(look)
}
const find = () => {
  if (watch.stop) return
  setTimeout(find, 50)
  const found = document.querySelector(selector)
  if (found === video) return
  video = found
  video?.requestVideoFrameCallback(look)
}
find()
"#;

const FETCH: &str = r#"
const watch = window.__snugWatches?.[arguments[0]]
if (!watch) return null
const { seen, error, frames } = watch
watch.seen = []
return { seen, error, frames }
"#;

const STOP: &str = "const watch = window.__snugWatches?.[arguments[0]]; if (watch) watch.stop = true";

/// The sum of some pixels of a video, its time and its size.
const PICTURE: &str = r#"
const video = document.querySelector(arguments[0])
if (!video?.videoWidth) return null
const canvas = document.createElement('canvas')
canvas.width = 64
canvas.height = 36
const pen = canvas.getContext('2d')
pen.drawImage(video, 0, 0, 64, 36)
const { data } = pen.getImageData(0, 0, 64, 36)
let sum = 0
for (let at = 0; at < data.length; at++) if (at % 4 !== 3) sum = (sum * 31 + data[at]) % 1000000007
return { time: video.currentTime, sum, width: video.videoWidth, height: video.videoHeight }
"#;

/// Listens to a voice's stream for a second: its loudest moment and the strongest frequency then. A promise, for which WebDriver waits.
const HEAR: &str = r#"
const audio = document.querySelector(arguments[0])
if (!audio?.srcObject) return null
const context = (window.__snugEar ??= new AudioContext())
return (async () => {
  // Without a loudspeaker some never run: then nothing is heard here, and getStats must tell.
  await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 1000))])
  const analyser = context.createAnalyser()
  analyser.fftSize = 4096
  const source = context.createMediaStreamSource(audio.srcObject)
  source.connect(analyser)
  const spectrum = new Float32Array(analyser.frequencyBinCount)
  let level = -Infinity, pitch = 0
  for (let round = 0; round < 25; round++) {
    await new Promise((resolve) => setTimeout(resolve, 40))
    analyser.getFloatFrequencyData(spectrum)
    spectrum.forEach((decibels, bin) => {
      if (bin === 0 || decibels <= level) return
      level = decibels
      pitch = (bin * context.sampleRate) / analyser.fftSize
    })
  }
  source.disconnect()
  return { level: Number.isFinite(level) ? level : -200, pitch, playing: !audio.paused }
})()
"#;

/// Watches one video of a page.
#[derive(Debug)]
pub struct Watch {
    selector: String,
    sightings: Vec<Sighting>,
    /// Pictures that had contrast enough for a code and failed its checksum.
    pub unread: u64,
    /// Pictures that the browser presented.
    pub frames: u64,
}

impl Watch {
    /// Begins to look at the video of a stream: a device, `self` or `preview`.
    pub async fn start(window: &Window, stream: &str) -> Result<Watch> {
        let selector = video(stream);
        let arguments = [json!(selector)].into_iter().chain(geometry()).collect();
        window.look(&format!("{SAMPLER}{WATCH}"), arguments).await?;
        Ok(Watch { selector, sightings: Vec::new(), unread: 0, frames: 0 })
    }

    /// Takes over what the page noted since the last time. Call it more often than every ten minutes.
    pub async fn fetch(&mut self, window: &Window) -> Result<&[Sighting]> {
        let noted = window.look(FETCH, vec![json!(self.selector)]).await?;
        if let Some(error) = noted["error"].as_str() {
            bail!("{} cannot read {}: {error}", window.who(), self.selector);
        }
        self.frames = noted["frames"].as_u64().context("the page lost the watch: it was loaded anew")?;
        for seen in noted["seen"].as_array().into_iter().flatten() {
            let at_ms = seen[0].as_f64().context("a moment")? as u64;
            match decode(seen[1].as_str().context("a code")?) {
                Some(code) => self.sightings.push(Sighting { at_ms, code }),
                None => self.unread += 1,
            }
        }
        Ok(&self.sightings)
    }

    /// Ends the looking, and gives every code at the moment at which it was presented first, in order.
    pub async fn stop(mut self, window: &Window) -> Result<Vec<Sighting>> {
        self.fetch(window).await?;
        window.look(STOP, vec![json!(self.selector)]).await?;
        Ok(self.sightings)
    }
}

/// A picture as a sum of its pixels: another sum is another picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// How long the video has played, in seconds.
    pub time: f64,
    /// Of its pixels.
    pub sum: u64,
    /// In pixels.
    pub width: u64,
    /// In pixels.
    pub height: u64,
}

impl Picture {
    /// What a stream's video shows now; `None` before its first picture.
    pub async fn take(window: &Window, stream: &str) -> Result<Option<Picture>> {
        let seen = window.look(PICTURE, vec![json!(video(stream))]).await?;
        let count = |name: &str| seen[name].as_u64();
        let picture = || {
            let (width, height) = (count("width")?, count("height")?);
            Some(Picture { time: seen["time"].as_f64()?, sum: count("sum")?, width, height })
        };
        Ok(picture())
    }

    /// How many different pictures a stream's video shows in a number of looks, a fifth of a second apart.
    pub async fn count_different(window: &Window, stream: &str, looks: usize) -> Result<usize> {
        let mut sums = Vec::new();
        for _ in 0..looks {
            sums.extend(Picture::take(window, stream).await?.map(|picture| picture.sum));
            sleep(Duration::from_millis(200)).await;
        }
        sums.sort_unstable();
        sums.dedup();
        Ok(sums.len())
    }
}

/// What was heard of somebody within a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// The strongest frequency at the loudest moment, in hertz.
    pub pitch: f64,
    /// Its level, in decibels of full scale.
    pub level: f64,
    /// Whether the page plays it to the person.
    pub playing: bool,
}

impl Heard {
    /// Listens to a device's voice.
    pub async fn of(window: &Window, device: &str) -> Result<Heard> {
        let selector = format!("audio[data-device=\"{device}\"]");
        let heard = window.look(HEAR, vec![json!(selector)]).await?;
        let number = |name: &str| heard[name].as_f64();
        number("pitch")
            .zip(number("level"))
            .map(|(pitch, level)| Heard { pitch, level, playing: heard["playing"] == Value::Bool(true) })
            .with_context(|| format!("{} has no voice of {device}", window.who()))
    }
}

fn video(stream: &str) -> String {
    format!("video[data-stream=\"{stream}\"]")
}
