//! What is seen: the other's pictures, decoded, and what their codes say.
//!
//! Pictures are decoded as they come and count as shown when they are due, as in the app. The encoded ones are written as they came
//! (IVF), since a raw recording of a minute would fill gigabytes.

use super::messages::{Picture, Received};
use anyhow::{Context, Result};
use snug_call::video::VideoDecoder;
use snug_call::{Clock, TimedFrame};
use snug_client::{Client, Pictures, StreamName};
use snug_media::{EncodedFrame, pattern};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use tokio::runtime::Handle;

/// Looks until the stream ends.
pub(super) struct Eyes {
    watcher: JoinHandle<Result<Received>>,
}

impl Eyes {
    /// Begins to look at a stream, if there is such a one; writes it to `record` where one is named.
    pub(super) fn open(client: &Client, name: StreamName, record: Option<PathBuf>) -> Option<Eyes> {
        let pictures = client.subscribe_video(&name)?;
        let (client, runtime) = (client.clone(), Handle::current());
        let ask = move || client.request_keyframe(&name);
        // Decoding takes milliseconds: a thread of its own, so that it holds up nothing of the call.
        let watcher = std::thread::spawn(move || watch(pictures, ask, &runtime, record.as_deref()));
        Some(Eyes { watcher })
    }

    /// What was seen. The call must be over: only then the stream ends.
    pub(super) fn report(self) -> Result<Received> {
        self.watcher.join().ok().context("the watcher panicked")?
    }
}

fn watch(
    mut pictures: Pictures,
    ask_for_keyframe: impl Fn(),
    runtime: &Handle,
    record: Option<&Path>,
) -> Result<Received> {
    let clock = Clock::shared();
    let mut decoder = VideoDecoder::new()?;
    let mut recording = record.map(Recording::create).transpose()?;
    let mut received = Received::default();
    while let Some(TimedFrame { frame, due }) = runtime.block_on(pictures.next()) {
        received.video_bytes += frame.data.len() as u64;
        if let Some(recording) = &mut recording {
            recording.add(&frame)?;
        }
        let Ok(Some(picture)) = decoder.decode(&frame.data) else {
            // As the app's interface does.
            received.undecodable += 1;
            pictures.skip_to_keyframe();
            ask_for_keyframe();
            continue;
        };
        let now = clock.now();
        let (width, height) = (picture.width(), picture.height());
        let code = pattern::read(picture.y(), width, height, width as usize);
        let now_us = clock.unix_micros(now);
        if (received.width, received.height) != (width, height) {
            (received.width, received.height) = (width, height);
            received.sizes.push((now_us, width, height));
        }
        received.pictures.push(Picture {
            decoded_us: now_us,
            shown_us: clock.unix_micros(due.max(now)),
            code: code.map(|code| (code.sender, code.frame_no, code.time_ms)),
        });
    }
    if let Some(recording) = recording {
        recording.finish()?;
    }
    Ok(received)
}

/// An IVF file: a header of 32 bytes, then each frame with its length and time.
struct Recording {
    file: BufWriter<File>,
    frames: u32,
    first_time: Option<u32>,
}

/// IVF counts time in ticks of this rate; RTP's for video.
const TICKS_PER_SECOND: u32 = 90_000;
const HEADER: u16 = 32;
const LENGTH_AT: u64 = 24;

impl Recording {
    fn create(path: &Path) -> Result<Recording> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Recording { file: BufWriter::new(file), frames: 0, first_time: None })
    }

    fn add(&mut self, frame: &EncodedFrame) -> Result<()> {
        if self.first_time.is_none() {
            self.file.write_all(b"DKIF\0\0")?;
            self.file.write_all(&HEADER.to_le_bytes())?;
            self.file.write_all(b"VP80")?;
            self.file.write_all(&frame.width.to_le_bytes())?;
            self.file.write_all(&frame.height.to_le_bytes())?;
            self.file.write_all(&TICKS_PER_SECOND.to_le_bytes())?;
            self.file.write_all(&1_u32.to_le_bytes())?;
            // The number of frames, written at the end, and four unused bytes.
            self.file.write_all(&[0; 8])?;
        }
        let first = *self.first_time.get_or_insert(frame.rtp_time.0);
        let length = u32::try_from(frame.data.len()).context("a frame of 4 GiB")?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&u64::from(frame.rtp_time.0.wrapping_sub(first)).to_le_bytes())?;
        self.file.write_all(&frame.data)?;
        self.frames += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        if self.frames > 0 {
            self.file.seek(SeekFrom::Start(LENGTH_AT))?;
            self.file.write_all(&self.frames.to_le_bytes())?;
        }
        Ok(self.file.flush()?)
    }
}
